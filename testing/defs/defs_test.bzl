"""Tests of accelerate_binary: which policy its sources are compiled for."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

_LocalDefines = provider(fields = ["values"])

def _local_defines_impl(_target, ctx):
    return [_LocalDefines(values = ctx.rule.attr.local_defines)]

_local_defines = aspect(implementation = _local_defines_impl)

def _defines_of_impl(ctx):
    return [ctx.attr.program[_LocalDefines]]

# Shows the tests what only an aspect sees.
defines_of = rule(
    implementation = _defines_of_impl,
    attrs = {"program": attr.label(aspects = [_local_defines])},
)

def _impl(ctx):
    env = analysistest.begin(ctx)
    found = analysistest.target_under_test(env)[_LocalDefines].values
    asserts.equals(env, sorted(ctx.attr.defines), sorted(found))
    return analysistest.end(env)

_ATTRIBUTES = {"defines": attr.string_list()}

def _policy_test(**settings):
    return analysistest.make(
        _impl,
        attrs = _ATTRIBUTES,
        config_settings = {str(Label("//accelerate:" + name)): value for name, value in settings.items()},
    )

plain_test = _policy_test()
fp16_test = _policy_test(precision = "fp16")
multi_cpu_test = _policy_test(strategy = "multi_cpu")
gpu_test = _policy_test(strategy = "gpu")
gpu_with_cuda_test = _policy_test(strategy = "gpu", cuda = True)
