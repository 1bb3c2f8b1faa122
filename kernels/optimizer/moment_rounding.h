// Moments of an optimizer in bfloat16, rounded up or down by chance: to each of the two neighbours
// with the probability that makes the mean of many roundings the value itself. Rounded to the
// nearest, an average that moves by less than half of its last place in a step would stand still.
//
// Example:
//   const RoundingKey key = rounding_key(parameter_seed(/*seed=*/42, /*parameter=*/3), /*step=*/7);
//   const RandomBits random = random_bits(key, /*element=*/0);
//   const BFloat16 first = round_stochastically(0.1f, random.of(0));
//   const BFloat16 second = round_stochastically(0.2f, random.of(1));
//
// The chance is a hash of the seed, the step, the parameter and the element, so it does not depend
// on how threads and blocks share the elements, on the CPU or on a GPU. Not for cryptography, and
// not for values that do not build up from step to step: round those to the nearest.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"
#include "kernels/types/bfloat16.h"

namespace accelerate::kernels {

// What all elements of one parameter have in common in one step.
struct RoundingKey {
  uint32_t first;
  uint32_t second;
};

// The random bits of one element in one step: 16 for each of two moments.
struct RandomBits {
  uint32_t bits;

  // Returns them in the lower half of the result. `moment` is 0 or 1.
  ACCELERATE_HOST_DEVICE uint32_t of(int moment) const {
    return moment == 0 ? bits & 0xffffu : bits >> 16;
  }
};

// Each bit of the result depends on all of `value`; the finaliser of SplitMix64.
ACCELERATE_HOST_DEVICE uint64_t mix_bits(uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

// `parameter` is its index among those of the optimizer.
ACCELERATE_HOST_DEVICE uint64_t parameter_seed(uint64_t seed, int64_t parameter) {
  return mix_bits(mix_bits(seed) ^ static_cast<uint64_t>(parameter));
}

// `step` is the number of the parameter's step.
ACCELERATE_HOST_DEVICE RoundingKey rounding_key(uint64_t parameter_seed, int64_t step) {
  const uint64_t key = mix_bits(parameter_seed ^ static_cast<uint64_t>(step));
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

// Calculates in 32 bits, because a vector holds twice as many numbers of 32 bits as of 64. Elements
// that are 2^32 apart share their chance, which does no harm.
ACCELERATE_HOST_DEVICE RandomBits random_bits(RoundingKey key, uint32_t element) {
  uint32_t bits = element ^ key.first;
  bits = (bits ^ bits >> 16) * 0x7feb352du;
  bits = ((bits ^ bits >> 15) + key.second) * 0x846ca68bu;
  return {bits ^ bits >> 16};
}

// Rounds up, away from 0, if the lower half of `random` and that of the value have a sum that
// carries. A value that bfloat16 can represent does not change, a finite value remains finite, and
// a NaN remains a NaN.
ACCELERATE_HOST_DEVICE BFloat16 round_stochastically(float value, uint32_t random) {
  constexpr int32_t kLargest = 0x7f7f0000, kInfinity = 0x7f800000;
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  // Signed, because SSE2 cannot compare unsigned numbers.
  const int32_t magnitude = static_cast<int32_t>(bits & 0x7fffffffu);
  const uint32_t rounded = magnitude < kLargest ? bits + random : bits;
  return {static_cast<uint16_t>((magnitude > kInfinity ? bits | 0x400000u : rounded) >> 16)};
}

// An element of an optimizer's state is a float, or a moment in bfloat16, which is rounded with
// `random`.
ACCELERATE_HOST_DEVICE void assign(float& element, float value, uint32_t /*random*/) {
  element = value;
}
ACCELERATE_HOST_DEVICE void assign(BFloat16& element, float value, uint32_t random) {
  element = round_stochastically(value, random);
}

}  // namespace accelerate::kernels
