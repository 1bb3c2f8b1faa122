// How Adam and AdamW keep their moments, exp_avg and exp_avg_sq: in fp32, or in bfloat16, which
// takes 2 bytes instead of 4 for each of the two and each parameter.
//
//   accelerate::AcceleratorOptions options = {.moments = {.type = accelerate::MomentType::kBf16}};
//
// In bfloat16 they are rounded stochastically: up or down at random, so that on average nothing is
// lost. Rounding to the nearest would freeze exp_avg_sq, which changes by a thousandth of itself in
// a step, because a bfloat16 has three decimal digits at most. The step itself is computed in fp32,
// and the maximum that amsgrad keeps stays in fp32. Steps get some noise: expect the loss curve of
// fp32 within a few per cent, but not its bits.
//
// Not for other optimizers, nor for parameters in fp64 or 16 bits.
#pragma once

#include <cstdint>

namespace accelerate {

enum class MomentType { kFp32, kBf16 };

struct MomentOptions {
  MomentType type = MomentType::kFp32;
  // The seed of the rounding. It gives the same bits for any number of threads, on all processes of
  // a run, and in the next run on the same number of processes.
  uint64_t seed = 0;
};

}  // namespace accelerate
