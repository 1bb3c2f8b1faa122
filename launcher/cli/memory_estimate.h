// How much memory a model takes, by the rules of Hugging Face Accelerate.
//
// Example:
//   const absl::StatusOr<std::vector<safetensors::ModelFile>> files =
//       safetensors::read_model("model.safetensors");
//   const MemoryEstimate estimate = estimate_memory(*files);
//   std::cout << estimate.total_size / 2 << " bytes in bfloat16\n";
//
// Not for what a step of training really takes: it leaves out activations and what libraries keep
// for themselves.
#pragma once

#include <vector>

#include "formats/safetensors/model.h"

namespace accelerate::launcher {

// In bytes. All floating-point numbers count as fp32, whatever type the files store. Other types
// count as stored, and truth values as one bit each.
struct MemoryEstimate {
  double total_size = 0;
  // The largest part that must be on one device: a module without submodules, or a tensor of the
  // model itself. Tensors that a module has beside submodules do not count. Names identify modules:
  // "layers.0.weight" belongs to "layers.0". Names do not show modules without tensors, nor which
  // modules must not be split between devices, as classes of the transformers library do.
  double largest_layer = 0;
};

MemoryEstimate estimate_memory(const std::vector<safetensors::ModelFile>& files);

}  // namespace accelerate::launcher
