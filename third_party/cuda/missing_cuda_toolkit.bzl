"""missing_cuda_toolkit: a target of the CUDA toolkit on a machine without the right one, for cuda_toolkit.bzl."""

def _missing_cuda_toolkit_impl(ctx):
    fail(("--config=cuda needs the CUDA toolkit 13, but %s. Install the toolkit and run `bazel shutdown`, or give its " +
          "folder with --repo_env=CUDA_HOME=FOLDER.") % ctx.attr.found)

missing_cuda_toolkit = rule(
    implementation = _missing_cuda_toolkit_impl,
    attrs = {"found": attr.string(doc = "What is there instead.")},
)
