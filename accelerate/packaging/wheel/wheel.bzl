"""wheel: packs a tree, as //:install unpacks it, and the files of a Python package into a wheel for `pip install`.

    wheel(
        name = "wheel",
        package = glob(["accelerate_cpp/**"]),
        tree = "//accelerate/packaging:wheel_tree",
        version = "//launcher/version",
    )

Makes a folder NAME that contains the wheel. The wheel's file name tells its version.
"""

load("@libtorch//:version.bzl", "VERSION")

def _wheel_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    header = ctx.attr.version[CcInfo].compilation_context.direct_headers[0]
    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [ctx.file.tree.path, header.path, VERSION, ctx.attr.variant, folder.path] +
                    ["%s=%s" % (file.path, file.owner.name) for file in ctx.files.package],
        inputs = [ctx.file.tree, header] + ctx.files.package,
        outputs = [folder],
        mnemonic = "Wheel",
        progress_message = "Packing the wheel of accelerate-cpp",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))]

wheel = rule(
    implementation = _wheel_impl,
    attrs = {
        "package": attr.label_list(allow_files = True, mandatory = True, doc = "Files of the Python package, from its folder on."),
        "tree": attr.label(allow_single_file = [".tar"], mandatory = True, doc = "An install_tree."),
        "variant": attr.string(doc = "What tells this wheel from another of the same versions."),
        "version": attr.label(mandatory = True, providers = [CcInfo], doc = "Has the header with the version."),
        "_build": attr.label(
            default = "//accelerate/packaging/wheel:build_wheel.py",
            executable = True,
            cfg = "exec",
            allow_single_file = True,
        ),
    },
)
