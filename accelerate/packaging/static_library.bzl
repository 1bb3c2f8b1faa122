"""static_library: a library, with the static libraries that it uses, as one archive for other build systems.

    static_library(
        name = "libaccelerate",
        library = "//accelerate",
        separate = ["@com_google_absl//absl/strings"],
    )

Makes NAME.a, and NAME.o with the objects that every program must contain, whether it uses them or not (`alwayslink`).
Leaves out shared libraries and the repositories of the libraries in `separate`, which a program gets from elsewhere.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _static_library_impl(ctx):
    # The repositories that the aliases lead to.
    separate = [library.label.workspace_name for library in ctx.attr.separate]
    objects = []
    archives = []
    always = []
    for input in ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list():
        if input.owner.workspace_name in separate:
            continue
        for library in input.libraries:
            own = library.pic_objects or library.objects
            archive = library.pic_static_library or library.static_library
            if library.alwayslink:
                always.extend(own)
            elif own:
                objects.extend(own)
            elif archive:
                archives.append(archive)

    toolchain = find_cpp_toolchain(ctx)
    archive = ctx.actions.declare_file(ctx.label.name + ".a")
    script = ctx.actions.declare_file(ctx.label.name + ".mri")
    ctx.actions.write(script, "\n".join(
        ["CREATE " + archive.path] +
        ["ADDLIB " + file.path for file in archives] +
        ["ADDMOD " + file.path for file in objects] +
        ["SAVE", "END", ""],
    ))
    ctx.actions.run_shell(
        command = '"$1" -M <"$2"',
        arguments = [toolchain.ar_executable, script.path],
        inputs = depset([script] + objects + archives, transitive = [toolchain.all_files]),
        outputs = [archive],
        mnemonic = "MergeArchives",
        progress_message = "Merging %s" % archive.short_path,
    )
    always_object = ctx.actions.declare_file(ctx.label.name + ".o")
    ctx.actions.run(
        executable = toolchain.ld_executable,
        arguments = ["-r", "-o", always_object.path] + [file.path for file in always],
        inputs = depset(always, transitive = [toolchain.all_files]),
        outputs = [always_object],
        mnemonic = "MergeObjects",
        progress_message = "Merging %s" % always_object.short_path,
    )
    return [DefaultInfo(files = depset([archive, always_object]))]

static_library = rule(
    implementation = _static_library_impl,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "library": attr.label(mandatory = True, providers = [CcInfo]),
        "separate": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
)
