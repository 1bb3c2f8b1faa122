# Stands in for LibTorch's own package, which in the wheel wants the CUDA toolkit and is not unpacked with the rest. Its
# names are the same.
set(TORCH_INSTALL_PREFIX "$ENV{LIBTORCH}")
set(TORCH_INCLUDE_DIRS
  "${TORCH_INSTALL_PREFIX}/include"
  "${TORCH_INSTALL_PREFIX}/include/torch/csrc/api/include")
add_library(torch INTERFACE IMPORTED)
set_target_properties(torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${TORCH_INCLUDE_DIRS}"
  INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")
set(TORCH_LIBRARIES torch "${TORCH_INSTALL_PREFIX}/lib/libtorch_cpu.so" "${TORCH_INSTALL_PREFIX}/lib/libc10.so")
