"""precompiled_header: reads headers once that many sources include and that take long to read.

    precompiled_header(
        name = "torch_and_gtest",
        copts = UNOPTIMISED,
        headers = ["torch/torch.h", "gtest/gtest.h"],
        deps = [...],
    )

A test of LibTorch uses it with `deps = ["//testing/precompiled:torch_and_gtest"]` and `copts = LIBTORCH_TEST_COPTS`. It is
made with the flags of every C++ compilation and its own `copts`. It serves sources that are compiled with the same
flags, to which they may add warnings and definitions. A source must still include what it uses.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# A test spends its time in LibTorch and in the library, which are optimised: if the test itself were optimised too, it
# would take a third longer to compile. The standard library's checks of buffers need optimisation.
UNOPTIMISED = ["-O0", "-U_FORTIFY_SOURCE"]

# -Winvalid-pch: when the compiler cannot use it, the build says so. -fpch-deps: Bazel learns which headers are in it,
# and compiles again when one changes, as it does for another LibTorch.
LIBTORCH_TEST_COPTS = UNOPTIMISED + ["-include", "testing/precompiled/torch_and_gtest.h"] + select({
    "//testing/precompiled:is_clang": [],
    "//conditions:default": ["-Winvalid-pch", "-fpch-deps"],
})

def _precompiled_header_impl(ctx):
    header = ctx.actions.declare_file(ctx.label.name + ".h")
    ctx.actions.write(header, "".join(["#include <%s>\n" % each for each in ctx.attr.headers]))
    dependencies = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    context = dependencies.compilation_context
    toolchain = find_cpp_toolchain(ctx)
    headers = [header]

    # Clang's precompiled headers have another form and other flags.
    if "clang" not in toolchain.compiler:
        precompiled = ctx.actions.declare_file(ctx.label.name + ".h.gch")
        dependencies_file = ctx.actions.declare_file(ctx.label.name + ".h.d")
        features = cc_common.configure_features(ctx = ctx, cc_toolchain = toolchain)
        variables = cc_common.create_compile_variables(
            feature_configuration = features,
            cc_toolchain = toolchain,
            user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + ctx.attr.copts,
            source_file = header.path,
            output_file = precompiled.path,
            use_pic = True,
            include_directories = context.includes,
            quote_include_directories = context.quote_includes,
            system_include_directories = context.system_includes,
            preprocessor_defines = context.defines,
        )
        arguments = cc_common.get_memory_inefficient_command_line(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        )
        ctx.actions.run(
            executable = toolchain.compiler_executable,
            arguments = ["-x", "c++-header", "-MD", "-MF", dependencies_file.path] + arguments,
            inputs = depset([header], transitive = [context.headers, toolchain.all_files]),
            # The list is made only so that the compiler notes it in what it precompiles. The precompiled header has
            # some 0.7 GB, and is kept in the disk cache all the same: two runs differ in a few bytes, and a clone that
            # made its own would compile each test again.
            outputs = [precompiled, dependencies_file],
            env = cc_common.get_environment_variables(
                feature_configuration = features,
                action_name = CPP_COMPILE_ACTION_NAME,
                variables = variables,
            ),
            mnemonic = "PrecompileHeader",
            progress_message = "Precompiling %s" % header.short_path,
        )
        headers.append(precompiled)
    own = CcInfo(compilation_context = cc_common.create_compilation_context(headers = depset(headers)))
    return [cc_common.merge_cc_infos(cc_infos = [own, dependencies])]

precompiled_header = rule(
    implementation = _precompiled_header_impl,
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "copts": attr.string_list(),
        "deps": attr.label_list(providers = [CcInfo]),
        "headers": attr.string_list(mandatory = True, doc = "As they are included, in order."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
)
