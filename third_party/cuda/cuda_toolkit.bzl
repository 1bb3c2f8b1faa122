"""The CUDA toolkit as a repository: its headers and nvcc.

It is in the folder that CUDA_HOME names in the environment, else in /usr/local/cuda. Only --config=cuda needs it.

Where there is no toolkit 13, the repository has the same targets, and each says so when a build needs it. To fail while it
is fetched would be too early: Bazel looks up the inputs that an action had in the build before, so a build without CUDA
fetches the repository, too, when the build before it had CUDA.
"""

_MISSING = """load(":missing_cuda_toolkit.bzl", "missing_cuda_toolkit")

package(default_visibility = ["//visibility:public"])

[missing_cuda_toolkit(name = name, found = %r) for name in ["headers", "nvcc", "runtime"]]
"""

def _what_is_wrong(ctx, toolkit):
    """Why the folder is no CUDA toolkit 13; None if it is one."""
    if not ctx.path(toolkit + "/bin/nvcc").exists:
        return "%s/bin/nvcc does not exist" % toolkit
    header = ctx.path(toolkit + "/include/cuda.h")
    if not header.exists:
        return "%s/include/cuda.h does not exist" % toolkit
    for line in ctx.read(header).splitlines():
        words = line.split(" ")
        if words[:2] == ["#define", "CUDA_VERSION"]:
            major = int(words[2]) // 1000
            return None if major == 13 else "that in %s is %d" % (toolkit, major)
    return "%s/include/cuda.h does not say which it is" % toolkit

def _cuda_toolkit_impl(ctx):
    toolkit = ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    wrong = _what_is_wrong(ctx, toolkit)
    if wrong:
        ctx.symlink(Label("//third_party/cuda:missing_cuda_toolkit.bzl"), "missing_cuda_toolkit.bzl")
        ctx.file("BUILD", _MISSING % wrong)
    else:
        ctx.symlink(toolkit, "toolkit")
        ctx.symlink(Label("//third_party/cuda:cuda_toolkit.BUILD"), "BUILD")

cuda_toolkit = repository_rule(implementation = _cuda_toolkit_impl, environ = ["CUDA_HOME"], local = True)
