# What a project says that uses LibTorch's own package.
find_package(Torch REQUIRED)
