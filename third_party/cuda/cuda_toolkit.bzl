"""The CUDA toolkit as a repository: its headers and nvcc.

It is in the folder that CUDA_HOME names in the environment, else in /usr/local/cuda. Only --config=cuda needs it.
"""

def _cuda_toolkit_impl(ctx):
    toolkit = ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    if not ctx.path(toolkit + "/bin/nvcc").exists:
        fail(("--config=cuda needs the CUDA toolkit 13, but %s/bin/nvcc does not exist. Install the toolkit, or give " +
              "its folder with --repo_env=CUDA_HOME=FOLDER.") % toolkit)
    ctx.symlink(toolkit, "toolkit")
    ctx.file("toolkit_folder.bzl", "CUDA_HOME = %r\n" % toolkit)
    ctx.symlink(Label("//third_party/cuda:cuda_toolkit.BUILD"), "BUILD")

cuda_toolkit = repository_rule(implementation = _cuda_toolkit_impl, environ = ["CUDA_HOME"], local = True)
