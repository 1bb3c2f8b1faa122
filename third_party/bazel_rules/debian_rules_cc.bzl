"""Debian's rules_cc, made loadable by Debian's Bazel.

Two files of the version that comes with Bazel 4.2 load `use_cpp_toolchain`, which that Bazel does not have yet. That
function returns a list with the C++ toolchain type, so the overlay writes this list instead of the call. Newer
versions have no such files and are not changed.
"""

_ROOT = "/usr/share/bazel/rules/cc"
_PATCHED = ["compiler_flag.bzl", "cc_flags_supplier.bzl"]
_RULES_IMPL = "cc/private/rules_impl"

def _debian_rules_cc_impl(ctx):
    if not ctx.path(_ROOT).exists:
        fail("@%s: the Debian package bazel-rules-cc is not installed. Run ./bazelw once, which installs it." % ctx.name)
    if not ctx.path("%s/%s/%s" % (_ROOT, _RULES_IMPL, _PATCHED[0])).exists:
        for child in ctx.path(_ROOT).readdir():
            ctx.symlink(child, child.basename)
        return
    for folder in ["", "cc", "cc/private", _RULES_IMPL]:
        for child in ctx.path(_ROOT + "/" + folder).readdir():
            path = (folder + "/" if folder else "") + child.basename
            if path in ["WORKSPACE", "cc", "cc/private", _RULES_IMPL] or child.basename in _PATCHED:
                continue
            ctx.symlink(child, path)
    for name in _PATCHED:
        source = ctx.read("%s/%s/%s" % (_ROOT, _RULES_IMPL, name))
        source = source.replace(', "use_cpp_toolchain"', "")
        source = source.replace("use_cpp_toolchain()", '["@bazel_tools//tools/cpp:toolchain_type"]')
        ctx.file("%s/%s" % (_RULES_IMPL, name), source)

debian_rules_cc = repository_rule(implementation = _debian_rules_cc_impl, local = True)
