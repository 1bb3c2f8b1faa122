"""install_tree: the tree that //:install unpacks below a prefix: headers, archive, commands and CMake package."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load(":libraries.bzl", "is_library", "is_notice", "is_of_libtorch", "libtorch_script")
load("//third_party/abseil:debian_abseil.bzl", "ALIASES")
load("@libtorch//:version.bzl", "VERSION")

# The versions are in headers, which can only be read during the build.
_FIND_VERSIONS = """
version=$(sed -n 's/.*kVersion.. = "\\(.*\\)";/\\1/p' "$1")
abseil=$(sed -n 's/^#define ABSL_LTS_RELEASE_VERSION //p' "$2")
"""

def _cmake_file(ctx, template, abseil, substitutions):
    name = template.basename[:-len(".in")]
    output = ctx.actions.declare_file("%s_cmake/%s" % (ctx.label.name, name))
    header = ctx.attr.version[CcInfo].compilation_context.direct_headers[0]
    replace = ";".join(["s/@%s@/%s/" % (key, value) for key, value in substitutions.items()])
    ctx.actions.run_shell(
        command = _FIND_VERSIONS +
                  "sed \"s/@VERSION@/$version/;s/@ABSL_VERSION@/$abseil/;%s\" \"$3\" >\"$4\"" % replace,
        arguments = [header.path, abseil.path, template.path, output.path],
        inputs = [header, abseil, template],
        outputs = [output],
        mnemonic = "CMakeFile",
    )
    return [output, "lib/cmake/Accelerate/" + name]

# The command looks here for its self-test: a script that finds LibTorch, and the program below it.
_SELF_TEST = "libexec/accelerate"

_DOCUMENTS = "share/doc/accelerate-cpp"

def _path_in_repository(file):
    """Another workspace sees the files of this one below ../accelerate."""
    return file.short_path.split("/", 2)[2] if file.short_path.startswith("../") else file.short_path

def _install_tree_impl(ctx):
    headers = ctx.attr.library[CcInfo].compilation_context.headers.to_list()
    substitutions = {
        # Debian's pkg-config names are those of upstream's CMake package, with `_` instead of `::`.
        "ABSL": "" if ctx.attr.with_abseil else ";".join([
            "absl::" + name[len("absl_"):]
            for targets in ALIASES.values()
            for name in targets.values()
        ]),
        "CUDA": ";".join(ctx.attr.cuda),
        "LIBTORCH_VERSION": VERSION,
    }
    abseil = [file for file in headers if file.path.endswith("absl/base/config.h")][0]
    own = [file for file in headers if file.owner.workspace_name == ctx.label.workspace_name]

    # The headers get their own folder, because some of their names are common.
    files = [[file, "include/accelerate-cpp/" + _path_in_repository(file)] for file in own]
    if ctx.attr.with_abseil:
        of_abseil = [file for file in headers if file.owner.workspace_name == abseil.owner.workspace_name]
        files += [[file, "include/accelerate-cpp/absl/" + file.path.split("/absl/", 1)[1]] for file in of_abseil]
    files += (
        [[file, "lib/libaccelerate." + file.extension] for file in ctx.files.archive] +
        [[ctx.executable.command, "bin/accelerate"]] +
        [_cmake_file(ctx, template, abseil, substitutions) for template in ctx.files.cmake]
    )
    self_test = ctx.executable.self_test
    program = _SELF_TEST + "/libexec/" + self_test.basename
    script = libtorch_script(ctx, ctx.label.name + "_self_test.sh", ctx.file._run_with_libtorch)
    runfiles = depset(transitive = [
        target[DefaultInfo].default_runfiles.files
        for target in [ctx.attr.command, ctx.attr.library, ctx.attr.self_test]
    ]).to_list()
    libraries = [file for file in runfiles if is_library(file)]
    files += [[script, _SELF_TEST + "/" + self_test.basename], [self_test, program]]
    files += [[file, _SELF_TEST + "/lib/" + file.basename] for file in libraries if not is_of_libtorch(file)]

    notices = _DOCUMENTS + "/notices"
    files += [[file, notices + "/" + file.basename] for file in runfiles if is_notice(file)]
    files.append([ctx.file._license, _DOCUMENTS + "/LICENSE"])

    toolchain = find_cpp_toolchain(ctx)
    contents = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(contents, json.encode(struct(
        compiler = toolchain.compiler_executable,
        elsewhere = [file.basename for file in libraries if is_of_libtorch(file)],
        files = [[file.path, path] for file, path in files],
        libraries = _SELF_TEST + "/lib",
        notices = notices,
        programs = {program: "$ORIGIN/../lib"},
    )))
    tree = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [contents.path, tree.path],
        inputs = depset([contents] + [file for file, _ in files], transitive = [toolchain.all_files]),
        outputs = [tree],
        mnemonic = "InstallTree",
        progress_message = "Packing %s" % tree.short_path,
        use_default_shell_env = True,
        # It holds libraries of this machine, which are no inputs.
        execution_requirements = {"no-cache": "1"},
    )
    return [DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree]))]

install_tree = rule(
    implementation = _install_tree_impl,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "archive": attr.label(mandatory = True, doc = "A static_library."),
        "cmake": attr.label_list(allow_files = [".cmake.in"], doc = "Templates of the CMake package's files."),
        "command": attr.label(mandatory = True, executable = True, cfg = "target", doc = "The command accelerate."),
        "cuda": attr.string_list(doc = "CMake targets of the CUDA toolkit that the archive needs."),
        "library": attr.label(mandatory = True, providers = [CcInfo], doc = "What has the headers."),
        "self_test": attr.label(mandatory = True, executable = True, cfg = "target", doc = "What `accelerate test` runs."),
        "with_abseil": attr.bool(doc = "Abseil is in the archive, and its headers come along."),
        "version": attr.label(mandatory = True, providers = [CcInfo], doc = "Has the header with the version."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
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
    },
)
