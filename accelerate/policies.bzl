"""The words for strategies and precisions, and the policy types that they stand for.

Builds take them from here; what programs, flags and config files say is checked against them
(//accelerate/main:policy_words_test).
"""

STRATEGIES = {
    "cpu": "::accelerate::Cpu",
    "gpu": "::accelerate::Gpu",
    "multi_cpu": "::accelerate::MultiCpu",
    "multi_gpu": "::accelerate::MultiGpu",
    "zero1_cpu": "::accelerate::Zero1Cpu",
    "zero1_gpu": "::accelerate::Zero1Gpu",
    "zero2_cpu": "::accelerate::Zero2Cpu",
    "zero2_gpu": "::accelerate::Zero2Gpu",
}

PRECISIONS = {
    "bf16": "::accelerate::Bf16",
    "fp16": "::accelerate::Fp16",
    "fp32": "::accelerate::Fp32",
}

# What the build settings take: a word, or to leave the choice to the launch. A program that leaves it has ZeRO-1 and
# ZeRO-2 in one policy for each kind of device, which has no word.
STRATEGY_CHOICES = ["auto"] + sorted(STRATEGIES.keys())
PRECISION_CHOICES = ["auto"] + sorted(PRECISIONS.keys())
