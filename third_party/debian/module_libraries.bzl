"""Libraries for MODULE.bazel: those behind the modules in modules/, and Gloo, which no registry of modules has."""

load("@bazel_tools//tools/build_defs/repo:git.bzl", "new_git_repository")
load(":libraries.bzl", "declare_gloo", "declare_libraries")

def _declare(rule, name, **attributes):
    rule(name = name, **attributes)

def _debian_libraries_impl(_ctx):
    declare_libraries(_declare)

debian_libraries = module_extension(implementation = _debian_libraries_impl)

def _gloo_impl(ctx):
    if ctx.path("/usr/include/gloo").exists:
        declare_gloo(_declare)
        return
    new_git_repository(
        name = "gloo",
        build_file = Label("//third_party/gloo:gloo_source.BUILD"),
        # The commit that Debian 12 packages. Its hash verifies the download.
        commit = "5b143513263133af2b95547e97c07cebeb72bf72",
        remote = "https://github.com/facebookincubator/gloo.git",
    )

gloo = module_extension(implementation = _gloo_impl)
