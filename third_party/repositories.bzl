"""Every dependency of Accelerate for C++, so that a workspace needs one load and one call:

    load("@accelerate//third_party:repositories.bzl", "accelerate_repositories")

    accelerate_repositories()

The call does not change a repository that the workspace has declared before.
"""

load("//third_party/bazel_rules:debian_rules_cc.bzl", "debian_rules_cc")
load("//third_party/cuda:cuda_toolkit.bzl", "cuda_toolkit")
load("//third_party/debian:debian_repository.bzl", "debian_repository")
load("//third_party/debian:libraries.bzl", "declare_gloo", "declare_libraries")
load("//third_party/libtorch:libtorch.bzl", "libtorch", "libtorch_cuda")

def _maybe(rule, name, **attributes):
    if not native.existing_rule(name):
        rule(name = name, **attributes)

def accelerate_repositories():
    """Declares the external repositories that the targets of @accelerate use."""
    _bazel_rules()
    declare_gloo(_maybe)
    declare_libraries(_maybe)
    _maybe(libtorch, "libtorch")
    _maybe(libtorch_cuda, "libtorch_cuda")
    _maybe(cuda_toolkit, "cuda_toolkit")

def _bazel_rules():
    _maybe(debian_rules_cc, "rules_cc")

    # Bazel 7 asks for the last two; Bazel 4.2 does not, and does not have them.
    for name, package, path in [
        ("bazel_skylib", "bazel-skylib", "/usr/share/bazel/tools/skylib"),
        ("platforms", "bazel-platforms", "/usr/share/bazel/tools/platforms"),
        ("rules_java", "bazel-rules-java", "/usr/share/bazel/rules/java"),
        ("rules_proto", "bazel-rules-proto", "/usr/share/bazel/rules/proto"),
        ("rules_license", "bazel-rules-license", "/usr/share/bazel/rules/license"),
        ("rules_python", "bazel-rules-python", "/usr/share/bazel/rules/python"),
    ]:
        _maybe(debian_repository, name, package = package, path = path)

    # Bazel's built-in WORKSPACE suffix names this repository; nothing here needs coverage tools.
    _maybe(
        debian_repository,
        "remote_coverage_tools",
        package = "bazel-bootstrap",
        build_files = {Label("//third_party/bazel_rules:remote_coverage_tools.BUILD"): "BUILD"},
    )
