"""cuda_library: CUDA sources compiled by nvcc, for the architectures of //third_party/cuda:architectures.

    cuda_library(
        name = "scale",
        srcs = ["scale.cu"],
        hdrs = ["scale.h"],
    )

Builds without --config=cuda leave it out. Its sources must not include LibTorch, which takes nvcc minutes to read.
"""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _compile(ctx, source, context, toolchain):
    output = ctx.actions.declare_file("_objs/%s/%s.o" % (ctx.label.name, source.basename))
    arguments = ctx.actions.args()
    arguments.add_all(["-c", "-std=c++20", "-O2", "-Xcompiler", "-fPIC", "--expt-relaxed-constexpr"])

    # Not whatever g++ is first on the PATH.
    arguments.add("-ccbin", toolchain.compiler_executable)

    # Without contraction into fused operations, as in simd_library, a GPU rounds as a CPU does.
    arguments.add("-fmad=false")
    architectures = ctx.attr._architectures[BuildSettingInfo].value.split(",")
    for architecture in architectures:
        arguments.add("-gencode=arch=compute_%s,code=sm_%s" % (architecture, architecture))

    # The driver compiles the last one for GPUs that are newer than all of them.
    arguments.add("-gencode=arch=compute_%s,code=compute_%s" % (architectures[-1], architectures[-1]))
    arguments.add_all(context.defines, format_each = "-D%s")
    for define in ctx.attr.local_defines:
        arguments.add_all(ctx.tokenize(define), format_each = "-D%s")
    arguments.add_all([".", ctx.bin_dir.path], format_each = "-I%s")
    arguments.add_all(context.includes, format_each = "-I%s")
    arguments.add_all(context.quote_includes, format_each = "-I%s")
    arguments.add_all(context.system_includes, format_each = "-isystem=%s")
    arguments.add("-o", output)
    arguments.add(source)
    ctx.actions.run_shell(
        # nvcc's temporary files have fixed names, so each compilation needs its own folder.
        command = "temporary=$(mktemp -d) && trap 'rm -rf \"$temporary\"' EXIT && TMPDIR=$temporary \"$@\"",
        arguments = [ctx.executable.nvcc.path, arguments],
        inputs = depset(ctx.files.srcs + ctx.files.hdrs, transitive = [context.headers, toolchain.all_files]),
        tools = [ctx.executable.nvcc],
        outputs = [output],
        mnemonic = "CudaCompile",
        progress_message = "Compiling %s" % source.short_path,
        use_default_shell_env = True,
    )
    return output

def _cuda_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(ctx = ctx, cc_toolchain = toolchain)
    dependencies = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    objects = depset([_compile(ctx, source, dependencies.compilation_context, toolchain) for source in ctx.files.srcs])
    linking_context, _ = cc_common.create_linking_context_from_compilation_outputs(
        actions = ctx.actions,
        name = ctx.label.name,
        feature_configuration = features,
        cc_toolchain = toolchain,
        compilation_outputs = cc_common.create_compilation_outputs(objects = objects, pic_objects = objects),
        disallow_dynamic_library = True,
    )
    own = CcInfo(
        compilation_context = cc_common.create_compilation_context(headers = depset(ctx.files.hdrs)),
        linking_context = linking_context,
    )
    return [
        DefaultInfo(files = objects),
        cc_common.merge_cc_infos(direct_cc_infos = [own], cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]),
    ]

_cuda_library = rule(
    implementation = _cuda_library_impl,
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "hdrs": attr.label_list(allow_files = [".h", ".cuh"]),
        "local_defines": attr.string_list(doc = "As of a cc_library, by the rules of a shell."),
        "nvcc": attr.label(executable = True, cfg = "exec", allow_single_file = True),
        "srcs": attr.label_list(allow_files = [".cu"], mandatory = True),
        "_architectures": attr.label(default = "//third_party/cuda:architectures"),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
)

def cuda_library(name, srcs, deps = [], **kwargs):
    """See the head of this file.

    Args:
      name: name of the target.
      srcs: .cu files.
      deps: cc_library targets; the CUDA runtime is added.
      **kwargs: hdrs, local_defines, visibility, testonly and the like.
    """

    # Uses select(), so that a build without CUDA does not even look for the toolkit.
    _cuda_library(
        name = name,
        srcs = srcs,
        nvcc = select({
            str(Label("//accelerate:with_cuda")): str(Label("@cuda_toolkit//:nvcc")),
            "//conditions:default": None,
        }),
        deps = deps + [str(Label("//third_party/cuda:runtime"))],
        target_compatible_with = requires_cuda(),
        **kwargs
    )

def requires_cuda():
    """For `target_compatible_with` of a target that only a build with CUDA can have."""
    return select({
        str(Label("//accelerate:with_cuda")): [],
        "//conditions:default": [str(Label("//third_party/cuda:in_build"))],
    })
