#include "accelerate/process/seed.h"

#include <ATen/Context.h>

namespace accelerate {

void seed_generators(uint64_t seed, int rank, const SeedOptions& options) {
  if (options.deterministic)
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::manual_seed(options.device_specific ? seed + static_cast<uint64_t>(rank) : seed);
}

}  // namespace accelerate
