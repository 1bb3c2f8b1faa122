"""Rules for programs and tests that launch themselves.

    load("@accelerate//accelerate:defs.bzl", "accelerate_binary", "accelerate_package", "accelerate_test")

    accelerate_binary(
        name = "my_model",
        srcs = ["my_model.cc"],
        data = ["digits.csv"],
    )

    accelerate_test(
        name = "my_model_test",
        srcs = ["my_model_test.cc"],
        num_processes = 2,
    )

    accelerate_package(
        name = "my_model_package",
        binary = ":my_model",
    )
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_test")
load("//accelerate:policies.bzl", "PRECISIONS", "PRECISION_CHOICES", "STRATEGIES", "STRATEGY_CHOICES")
load("//accelerate/packaging:package.bzl", _accelerate_package = "accelerate_package")

accelerate_package = _accelerate_package

def _setting(name):
    # Through Label, so that it is this repository's setting in whichever workspace the rule is used.
    return str(Label("//accelerate:" + name))

def _checked(rule, attribute, value, policies):
    if value != "auto" and value not in policies:
        fail("%s: %s = \"%s\"; use \"auto\" or one of %s" % (rule, attribute, value, ", ".join(sorted(policies.keys()))))

def _strategy_defines(attribute):
    defines = {}
    for value in STRATEGY_CHOICES:
        # The command line beats the attribute.
        chosen = attribute if value == "auto" else value
        fixed = [] if chosen == "auto" else ["ACCELERATE_FIXED_STRATEGY=" + STRATEGIES[chosen]]
        defines[_setting("strategy_" + value)] = fixed
        defines[_setting("strategy_%s_without_cuda" % value)] = fixed + ["ACCELERATE_WITHOUT_CUDA"]
    return select(defines)

def _precision_defines(attribute):
    defines = {}
    for value in PRECISION_CHOICES:
        chosen = attribute if value == "auto" else value
        fixed = [] if chosen == "auto" else ["ACCELERATE_FIXED_PRECISION=" + PRECISIONS[chosen]]
        defines[_setting("precision_" + value)] = fixed
    return select(defines)

def _policy_defines(rule, strategy, precision):
    _checked(rule, "strategy", strategy, STRATEGIES)
    _checked(rule, "precision", precision, PRECISIONS)
    return _strategy_defines(strategy) + _precision_defines(precision)

def accelerate_binary(name, srcs, deps = [], strategy = "auto", precision = "auto", local_defines = [], **kwargs):
    """Builds a program that launches itself; its sources end in ACCELERATE_MAIN(train).

    Args:
      name: name of the target and of the executable.
      srcs: sources; only these see the chosen policy, so that no two objects disagree.
      deps: further libraries; Accelerate, LibTorch and abseil's flags are always linked.
      strategy: "auto" to choose at launch, or the one strategy to compile: "cpu", "multi_cpu", "zero1_cpu", "zero2_cpu",
        "gpu", "multi_gpu", "zero1_gpu", "zero2_gpu".
      precision: "auto" to choose at launch, or the one precision to compile: "fp32", "fp16", "bf16".
        A choice on the command line (--config=fp16, --strategy=cpu) beats both attributes.
      local_defines: as in cc_binary.
      **kwargs: everything else that cc_binary takes.
    """
    cc_binary(
        name = name,
        srcs = srcs,
        deps = deps + [str(Label("//accelerate"))],
        local_defines = local_defines + _policy_defines("accelerate_binary(%s)" % name, strategy, precision),
        **kwargs
    )

def accelerate_test(name, srcs = [], deps = [], num_processes = 1, args = [], **kwargs):
    """Builds a googletest that runs in several processes at once, each of which runs every test.

    A test makes its own Accelerator<MultiCpu, ...> and finds the other ranks there. It passes if it passes on all
    ranks.

    Args:
      name: name of the target.
      srcs: sources, without a main(); or none, with the tests in a library of `deps` that is linked whole.
      deps: further libraries; Accelerate, LibTorch and googletest are always linked.
      num_processes: how many processes to start.
      args: arguments for googletest, such as --gtest_filter.
      **kwargs: everything else that cc_test takes.
    """
    if num_processes < 1:
        fail("accelerate_test(%s): num_processes = %d; use 1 or more" % (name, num_processes))
    cc_test(
        name = name,
        srcs = srcs,
        args = ["--cpu", "--num_processes=%d" % num_processes] + args,
        deps = deps + [
            str(Label("//accelerate")),
            str(Label("//accelerate/main:test_main")),
            str(Label("@com_google_googletest//:gtest")),
        ],
        **kwargs
    )
