"""The CUDA toolkit as a repository: its headers and nvcc.

It is in the folder that CUDA_HOME names in the environment, else in /usr/local/cuda. Only --config=cuda needs it.

Where there is no toolkit, the repository has the same targets, and each says so when a build needs it. To fail while it is
fetched would be too early: Bazel looks up the inputs that an action had in the build before, so a build without CUDA fetches
the repository, too, when the build before it had CUDA.
"""

_MISSING = """load(":missing_cuda_toolkit.bzl", "missing_cuda_toolkit")

package(default_visibility = ["//visibility:public"])

[missing_cuda_toolkit(name = name, folder = %r) for name in ["headers", "nvcc", "runtime"]]
"""

def _cuda_toolkit_impl(ctx):
    toolkit = ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    if ctx.path(toolkit + "/bin/nvcc").exists:
        ctx.symlink(toolkit, "toolkit")
        ctx.symlink(Label("//third_party/cuda:cuda_toolkit.BUILD"), "BUILD")
    else:
        ctx.symlink(Label("//third_party/cuda:missing_cuda_toolkit.bzl"), "missing_cuda_toolkit.bzl")
        ctx.file("BUILD", _MISSING % toolkit)

cuda_toolkit = repository_rule(implementation = _cuda_toolkit_impl, environ = ["CUDA_HOME"], local = True)
