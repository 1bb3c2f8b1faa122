"""Debian's abseil under the labels of abseil's own repository.

libabsl-dev has a pkg-config file for each of its libraries, which names the libraries that it requires. Each
library becomes a cc_library here, linked statically so that a program starts without loading thirty shared
objects. ALIASES gives the libraries that this project uses their upstream labels, so that a switch to
abseil's sources changes no BUILD file.
"""

load("//third_party/debian:notice.bzl", "link_notice")

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"

# Upstream package: {upstream target: pkg-config name}.
ALIASES = {
    "absl/flags": {"flag": "absl_flags", "parse": "absl_flags_parse", "commandlineflag": "absl_flags_commandlineflag", "reflection": "absl_flags_reflection"},
    "absl/status": {"status": "absl_status", "statusor": "absl_statusor"},
    "absl/strings": {"str_format": "absl_str_format", "strings": "absl_strings"},
}

def aliases_of_debian():
    """For the module abseil-cpp: declares the targets that ALIASES lists for this package, which are in @debian."""
    package = native.package_name()
    for target in ALIASES[package]:
        native.alias(
            name = target,
            actual = "@debian//%s:%s" % (package, target),
            visibility = ["//visibility:public"],
        )

def _requirements(name, text):
    for line in text.splitlines():
        if line.startswith("Requires: "):
            required = [entry.strip().split(" ")[0] for entry in line[len("Requires: "):].split(",")]

            # Some newer files name themselves.
            return [each for each in required if each != name]
    return []

def _debian_abseil_impl(ctx):
    descriptions = [
        entry
        for entry in (ctx.path(_LIBRARIES + "/pkgconfig").readdir() if ctx.path(_LIBRARIES + "/pkgconfig").exists else [])
        if entry.basename.startswith("absl_") and entry.basename.endswith(".pc")
    ]
    if not descriptions:
        fail("@%s: the Debian package libabsl-dev is not installed. Run ./bazelw once, which installs it." % ctx.name)
    ctx.symlink("/usr/include/absl", "include/absl")
    link_notice(ctx, "libabsl-dev")
    build = [
        'package(default_visibility = ["//visibility:public"])',
        'cc_library(name = "headers", hdrs = glob(["include/**"]), includes = ["include"], ' +
        'data = glob(["debian_notice/*"], allow_empty = True))',
    ]
    for description in descriptions:
        name = description.basename[:-len(".pc")]
        archive = "lib%s.a" % name
        has_archive = ctx.path(_LIBRARIES + "/" + archive).exists
        if has_archive:
            ctx.symlink(_LIBRARIES + "/" + archive, "lib/" + archive)
        build.append("cc_library(name = %r, srcs = %r, deps = %r, linkopts = [\"-pthread\"])" % (
            name,
            ["lib/" + archive] if has_archive else [],
            [":headers"] + [":" + required for required in _requirements(name, ctx.read(description))],
        ))
    ctx.file("BUILD", "\n".join(build) + "\n")
    for package, targets in ALIASES.items():
        ctx.file(package + "/BUILD", "\n".join([
            'alias(name = %r, actual = "//:%s", visibility = ["//visibility:public"])' % (target, actual)
            for target, actual in targets.items()
        ]) + "\n")

debian_abseil = repository_rule(implementation = _debian_abseil_impl, local = True)
