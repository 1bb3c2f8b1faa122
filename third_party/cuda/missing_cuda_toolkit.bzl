"""missing_cuda_toolkit: a target of the CUDA toolkit on a machine without one, for cuda_toolkit.bzl."""

def _missing_cuda_toolkit_impl(ctx):
    fail(("--config=cuda needs the CUDA toolkit 13, but %s/bin/nvcc does not exist. Install the toolkit, or give its " +
          "folder with --repo_env=CUDA_HOME=FOLDER.") % ctx.attr.folder)

missing_cuda_toolkit = rule(
    implementation = _missing_cuda_toolkit_impl,
    attrs = {"folder": attr.string(doc = "Where the toolkit was looked for.")},
)
