// Mixes a seed, an epoch and an index into one number, which is unrelated to that of neighbouring
// ones. What is drawn from it is the same in every process.
//
// Part of the loaders and data sets; not for others, which draw from a generator.
#pragma once

#include <cstdint>

namespace accelerate::internal {

// The output function of SplitMix64 (Steele, Lea and Flood: Fast splittable pseudorandom number
// generators, 2014).
inline uint64_t split_mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

inline uint64_t mixed_seed(uint64_t seed, int64_t epoch, int64_t index) {
  const uint64_t of_epoch = split_mixed(split_mixed(seed) ^ static_cast<uint64_t>(epoch));
  return split_mixed(of_epoch ^ static_cast<uint64_t>(index));
}

}  // namespace accelerate::internal
