"""simd_library: a cc_library some of whose sources are compiled once for each level of SIMD instructions.

    simd_library(
        name = "scale",
        srcs = ["scale.cc", "scale_loops.h"],
        hdrs = ["scale.h", "scale_element.h"],
        loops = ["scale_loops.cc"],
    )

A source in `loops` holds plain loops for the compiler to vectorise, as specialisations for kThisLevel of
kernels/simd/this_level.h; one in `srcs` calls them through kernels/simd/by_level.h.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")

# Without contraction into fused operations, every level rounds alike, so that machines of one job may differ.
_COPTS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]

_X86 = "@platforms//cpu:x86_64"

_LEVELS = {
    "kBaseline": [],
    "kAvx2": ["-mavx2"],
    "kAvx512": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mprefer-vector-width=512"],
}

_X86_LEVELS = [level for level in _LEVELS if level != "kBaseline"]

def simd_library(name, srcs, hdrs, loops, deps = [], local_defines = [], **kwargs):
    """See the head of this file.

    Args:
      name: name of the target.
      srcs: sources compiled once, and private headers.
      hdrs: public headers.
      loops: sources compiled for each level.
      deps: targets that any of them use.
      local_defines: macros of all sources.
      **kwargs: visibility, testonly and the like.
    """
    headers = hdrs + [source for source in srcs if source.endswith(".h")]
    for level, copts in _LEVELS.items():
        cc_library(
            name = name + "_" + level,
            srcs = loops + headers,
            copts = _COPTS + copts,
            local_defines = local_defines + ["ACCELERATE_SIMD_LEVEL=" + level],
            target_compatible_with = [_X86] if level in _X86_LEVELS else [],
            visibility = ["//visibility:private"],
            deps = deps + [Label("//kernels/simd:this_level")],
        )
    cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        local_defines = local_defines,
        deps = deps + [name + "_kBaseline", Label("//kernels/simd:by_level")] + select({
            _X86: [name + "_" + level for level in _X86_LEVELS],
            "//conditions:default": [],
        }),
        **kwargs
    )
