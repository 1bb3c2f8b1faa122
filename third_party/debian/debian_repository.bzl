"""Makes what a Debian package installed into an external repository.

    debian_repository(
        name = "bazel_skylib",
        package = "bazel-skylib",
        path = "/usr/share/bazel/tools/skylib",
    )
"""

load(":notice.bzl", "link_notice")

def _debian_repository_impl(ctx):
    links = dict(ctx.attr.links)
    if ctx.attr.path:
        _require(ctx, ctx.attr.path)
        for child in ctx.path(ctx.attr.path).readdir():
            links[child.basename] = str(child)
    for folder, prefix in ctx.attr.folders.items():
        parent, beginning = prefix.rsplit("/", 1)
        for child in ctx.path(parent).readdir():
            if child.basename.startswith(beginning):
                links[folder + "/" + child.basename] = str(child)
    for path, target in links.items():
        _require(ctx, target)
        ctx.symlink(target, path)
    link_notice(ctx, ctx.attr.package)
    for build_file, path in ctx.attr.build_files.items():
        ctx.delete(path)
        ctx.symlink(build_file, path)

def _require(ctx, path):
    if not ctx.path(path).exists:
        fail(("@%s: %s does not exist, because the Debian package %s is not installed. Run " +
              "./bazelw once, which installs it, or: apt-get install %s") %
             (ctx.name, path, ctx.attr.package, ctx.attr.package))

debian_repository = repository_rule(
    implementation = _debian_repository_impl,
    local = True,
    attrs = {
        "build_files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "BUILD files of this project, by their path in the new repository.",
        ),
        "folders": attr.string_dict(
            doc = "Beginnings of the paths of files of the machine, by the folder of the new repository that they are linked in.",
        ),
        "links": attr.string_dict(doc = "Files and folders of the machine, by their path in the new repository."),
        "package": attr.string(mandatory = True, doc = "The Debian package, for the message when it is missing."),
        "path": attr.string(doc = "A folder whose children become the root of the new repository."),
    },
)
