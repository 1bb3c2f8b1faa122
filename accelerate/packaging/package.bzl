"""accelerate_package: a program as one tar, for machines without Bazel. Load it from //accelerate:defs.bzl."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load(":libraries.bzl", "is_library", "is_notice", "is_of_libtorch", "libtorch_script")

def _runfiles_path(ctx, file):
    # The path of a file in another repository begins with ../
    path = file.short_path
    return path[3:] if path.startswith("../") else ctx.workspace_name + "/" + path

def _accelerate_package_impl(ctx):
    bundled = ctx.attr.libtorch == "bundled"
    root = ctx.label.name

    # Replaces each program that loads LibTorch by a script that finds LibTorch first.
    folder = root if bundled else root + "/libexec"
    search_path = "$ORIGIN/lib" if bundled else "$ORIGIN/../lib"
    program = ctx.executable.binary
    data = depset(ctx.files.data, transitive = [
        target[DefaultInfo].default_runfiles.files
        for target in [ctx.attr.binary, ctx.attr._command, ctx.attr._self_test] + ctx.attr.data
        if target[DefaultInfo].default_runfiles
    ])

    notices = root + "/notices"
    paths = {
        ctx.executable._command: root + "/accelerate",
        ctx.file._license: notices + "/accelerate-cpp",
    }
    search_paths = {root + "/accelerate": "$ORIGIN/lib"}
    for executable in [program, ctx.executable._self_test]:
        paths[executable] = folder + "/" + executable.basename
        search_paths[paths[executable]] = search_path
    elsewhere = []
    for file in data.to_list():
        if not bundled and is_of_libtorch(file):
            elsewhere.append(file.basename)
        elif is_library(file):
            paths[file] = "%s/lib/%s" % (root, file.basename)
        elif is_notice(file):
            paths[file] = notices + "/" + file.basename
        elif file not in paths:
            paths[file] = "%s/%s.runfiles/%s" % (folder, program.basename, _runfiles_path(ctx, file))

    # Newer versions of Bazel read this file to find a repository's data by its name.
    mapping = getattr(ctx.attr.binary[DefaultInfo].files_to_run, "repo_mapping_manifest", None)
    if mapping:
        paths[mapping] = "%s/%s.runfiles/_repo_mapping" % (folder, program.basename)

    files = [[file.path, path] for file, path in paths.items()]
    inputs = paths.keys()
    if not bundled:
        script = libtorch_script(ctx, root + ".sh", ctx.file._run_with_libtorch)
        for executable in [program, ctx.executable._self_test]:
            files.append([script.path, root + "/" + executable.basename])
        inputs.append(script)

    toolchain = find_cpp_toolchain(ctx)
    contents = ctx.actions.declare_file(root + ".json")
    ctx.actions.write(contents, json.encode(struct(
        compiler = toolchain.compiler_executable,
        elsewhere = elsewhere,
        files = files,
        libraries = root + "/lib",
        notices = notices,
        programs = search_paths,
    )))
    archive = ctx.actions.declare_file(root + ".tar")
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [contents.path, archive.path],
        inputs = depset([contents] + inputs, transitive = [toolchain.all_files]),
        outputs = [archive],
        mnemonic = "AcceleratePackage",
        progress_message = "Packing %s" % archive.short_path,
        use_default_shell_env = True,
        # Half a gigabyte for each change of a program is too much for a cache.
        execution_requirements = {"no-cache": "1"},
    )
    return [DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles([archive]))]

_accelerate_package = rule(
    implementation = _accelerate_package_impl,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "binary": attr.label(mandatory = True, executable = True, cfg = "target"),
        "data": attr.label_list(allow_files = True),
        "libtorch": attr.string(values = ["bundled", "system"], default = "bundled"),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_command": attr.label(default = "//launcher:accelerate", executable = True, cfg = "target"),
        "_license": attr.label(default = "//:LICENSE", allow_single_file = True),
        "_pack": attr.label(
            default = "//accelerate/packaging:pack.py",
            executable = True,
            cfg = "exec",
            allow_single_file = True,
        ),
        "_run_with_libtorch": attr.label(
            default = "//accelerate/packaging:run_with_libtorch.sh",
            allow_single_file = True,
        ),
        "_self_test": attr.label(
            default = "//accelerate/self_test:accelerate-self-test",
            executable = True,
            cfg = "target",
        ),
    },
)

def accelerate_package(name, binary, data = [], libtorch = "bundled", tags = [], **kwargs):
    """NAME.tar with one folder NAME: a program that runs from wherever it is unpacked.

    The folder also holds its data, the libraries that it loads, and the command `accelerate` with its self-test. A
    machine needs this machine's version of the C library or a newer one, and the driver for GPUs, but no Bazel, Python
    or sources. The folder `notices` has the licences of the Debian libraries that the program was linked with.
    Wildcards such as //... leave the target out, because the tar takes half a gigabyte with LibTorch in it.

    Args:
      name: name of the target, of the archive and of the folder in it.
      binary: an accelerate_binary.
      data: files that accelerate::data_file() finds in addition to the `data` of the binary.
      libtorch: "bundled" to include LibTorch. "system" to leave it out: the program then looks for the version that
        it was built with in the folder that the variable LIBTORCH names, else in an installed Python package torch.
      tags: as for every rule.
      **kwargs: visibility, testonly and the like.
    """
    _accelerate_package(
        name = name,
        binary = binary,
        data = data,
        libtorch = libtorch,
        tags = tags + ["manual"],
        **kwargs
    )
