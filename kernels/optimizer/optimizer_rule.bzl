"""optimizer_rule: an optimizer's loops and its CUDA kernels, made from its rule.

    optimizer_rule(
        name = "lion",
        rule = "Lion",
    )

The rule is a struct of accelerate::kernels in rules/lion.h; see rule.h. `:lion` provides optimizer_step() for it, and
`:lion_cuda` optimizer_cuda(), which returns an error in builds without CUDA.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//kernels/simd:simd_library.bzl", "simd_library")
load("//third_party/cuda:cuda_library.bzl", "cuda_library")

def optimizer_rule(name, rule, deps = []):
    """See the head of this file.

    Args:
      name: name of the target, and of the rule's header.
      rule: name of the struct.
      deps: what the header uses in addition to kernels/simd.
    """
    header = "rules/%s.h" % name
    defines = [
        "ACCELERATE_RULE=" + rule,
        "ACCELERATE_RULE_HEADER=\\\"%s/%s\\\"" % (native.package_name(), header),
    ]
    simd_library(
        name = name,
        srcs = [],
        hdrs = [header],
        local_defines = defines,
        loops = ["loops.cc"],
        deps = deps + [
            ":moment_rounding",
            ":optimizer_step",
            "//kernels/simd:host_device",
            "//kernels/simd:independent_iterations",
            "//kernels/simd:square_root",
            "//kernels/types:convert",
        ],
    )
    cuda_library(
        name = name + "_cuda_kernels",
        srcs = ["optimizer_cuda.cu"],
        hdrs = ["optimizer_cuda.h"],
        local_defines = defines,
        visibility = ["//visibility:private"],
        deps = [
            name,
            ":optimizer_chunk",
            "//kernels/device:launch",
            "//kernels/step",
        ],
    )
    cc_library(
        name = name + "_cuda",
        srcs = select({
            "//accelerate:with_cuda": [],
            "//conditions:default": ["optimizer_cuda_stub.cc"],
        }),
        hdrs = ["optimizer_cuda.h"],
        local_defines = defines,
        deps = [
            name,
            ":optimizer_chunk",
            "//kernels/step",
        ] + select({
            "//accelerate:with_cuda": [name + "_cuda_kernels"],
            "//conditions:default": [],
        }),
    )
