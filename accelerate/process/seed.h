// Seeds the random numbers that LibTorch draws.
//
//   seed_generators(42, info.rank, {.device_specific = true});
//
// Programs call Accelerator::set_seed(), which knows the rank. Not for std::mt19937 and other
// generators of a program's own, nor for rand(): LibTorch draws from none of them.
#pragma once

#include <cstdint>

namespace accelerate {

struct SeedOptions {
  // Whether each rank draws other numbers, as its index is added to the seed.
  bool device_specific = false;
  // Has LibTorch use only operators that give the same result every time, and throw where it has
  // none, until the end of the program.
  bool deterministic = false;
};

// Of the default generators, on the CPU and on all GPUs that the process sees. Initialises CUDA
// where it is in the build: never to be called before a fork.
void seed_generators(uint64_t seed, int rank, const SeedOptions& options);

}  // namespace accelerate
