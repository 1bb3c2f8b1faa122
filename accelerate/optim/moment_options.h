// How Adam and AdamW keep their moments, exp_avg and exp_avg_sq: in fp32, or in bfloat16, which
// takes 2 bytes in the place of 4 for each of the two and each parameter.
//
//   accelerate::AcceleratorOptions options = {.moments = {.type = accelerate::MomentType::kBf16}};
//
// In bfloat16 they are rounded stochastically: up or down by chance, so that on average nothing is
// lost. Rounded to the nearest, an exp_avg_sq, which moves by a thousandth of itself in a step,
// would stand still, as a bfloat16 has three decimal digits at most. The step itself is computed in
// fp32, and the maximum that amsgrad keeps stays there. Steps get some noise: expect the loss curve
// of fp32 within a few per cent, and not its bits.
//
// Not for other optimizers, nor for parameters in fp64 or 16 bits.
#pragma once

#include <cstdint>

namespace accelerate {

enum class MomentType { kFp32, kBf16 };

struct MomentOptions {
  MomentType type = MomentType::kFp32;
  // Of the rounding. Whatever the number of threads, it gives the same bits, on all processes of a
  // run and in the next run of as many.
  uint64_t seed = 0;
};

}  // namespace accelerate
