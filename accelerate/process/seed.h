// Seeds the random numbers that LibTorch draws.
//
//   seed_generators(42, info.rank, {.device_specific = true});
//
// Programs call Accelerator::set_seed(), which knows the rank. Not for std::mt19937 and other
// generators that a program makes, nor for rand(): LibTorch does not draw from them.
#pragma once

#include <cstdint>

namespace accelerate {

struct SeedOptions {
  // Whether each rank draws different numbers, because its index is added to the seed.
  bool device_specific = false;
  // Makes LibTorch use only operators that give the same result every time, and throw if it has
  // none, until the end of the program.
  bool deterministic = false;
};

// Seeds the default generators, on the CPU and on all GPUs that the process sees. Initialises CUDA
// if it is in the build: never call it before a fork.
void seed_generators(uint64_t seed, int rank, const SeedOptions& options);

}  // namespace accelerate
