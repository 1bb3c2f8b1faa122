// How much memory a model takes, by the rules of Hugging Face Accelerate.
//
// Example:
//   const absl::StatusOr<std::vector<safetensors::ModelFile>> files =
//       safetensors::read_model("model.safetensors");
//   const MemoryEstimate estimate = estimate_memory(*files);
//   std::cout << estimate.total_size / 2 << " bytes in bfloat16\n";
//
// Not for what a step of training really takes: activations are not in it, nor is what a library
// keeps for itself.
#pragma once

#include <vector>

#include "formats/safetensors/model.h"

namespace accelerate::launcher {

// In bytes, all floating-point numbers in fp32 whatever the files hold them in. Other types count
// as they are stored, truth values as a bit each.
struct MemoryEstimate {
  double total_size = 0;
  // The largest that must be on one device: a module without modules of its own, or a tensor of the
  // model itself. What a module has beside modules of its own counts for none. Names tell modules:
  // "layers.0.weight" is of "layers.0". They do not tell of modules without tensors, nor which
  // modules must not be split between devices, as classes of the transformers library do.
  double largest_layer = 0;
};

MemoryEstimate estimate_memory(const std::vector<safetensors::ModelFile>& files);

}  // namespace accelerate::launcher
