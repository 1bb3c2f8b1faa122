"""What packages know about their files: which are shared libraries, LibTorch's among them, and which are notices."""

load("@libtorch//:version.bzl", "VERSION")

_LIBTORCH = [Label("@libtorch//:torch").workspace_name, Label("@libtorch_cuda//:torch_cuda").workspace_name]

def is_library(file):
    """Whether it is in a folder where Bazel collects the shared libraries that programs are linked with."""
    return file.short_path.startswith("_solib")

def is_of_libtorch(file):
    return is_library(file) and file.owner.workspace_name in _LIBTORCH

def is_notice(file):
    """Whether it is the notice of a library's Debian package about its licences (//third_party/debian:notice.bzl)."""
    return "/debian_notice/" in file.short_path

def libtorch_script(ctx, name, template):
    """Declares the script `name`, which finds the LibTorch of its machine and runs the program of the same name."""
    script = ctx.actions.declare_file(name)
    ctx.actions.expand_template(
        output = script,
        template = template,
        substitutions = {"@VERSION@": VERSION},
        is_executable = True,
    )
    return script
