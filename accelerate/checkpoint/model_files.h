// The weights of a model in safetensors files, as Hugging Face's tools write and read them: one
// `model.safetensors`, or several with an index.
//
//   save_model_files(*net, "export", {.max_shard_size = 2'000'000'000});
//   load_model_files(*net, "export", {});
//
// For weights alone, to give away or to begin with; Accelerator::save_model() calls it on one rank.
// Not for going on with a run: a checkpoint has the optimizer and all else as well.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "accelerate/checkpoint/checkpoint_options.h"

namespace torch::nn {
class Module;
}

namespace accelerate {

struct SaveModelOptions {
  // In bytes; a model with more becomes several files, each of at most this size unless a single
  // tensor is larger.
  uint64_t max_shard_size = 10'000'000'000;
};

namespace internal {

// Parameters and buffers, by their names, a tied one once. Files of a model that are in the folder
// are replaced, and each is there in full or not at all. Throws c10::Error, which names the file.
void save_model_files(const torch::nn::Module& module, const std::string& folder,
                      const SaveModelOptions& options);

// Tensors by their names as one file of a folder, which is there in full or not at all. Throws
// c10::Error, which names the file.
void save_tensors(const std::map<std::string, at::Tensor>& tensors, const std::string& folder,
                  const std::string& file);

// From a .safetensors file, an index, or a folder with one of them. Tensors of another floating
// type are converted. Throws c10::Error, with all that differs and nothing changed, where the files
// are of another model.
LoadReport load_model_files(torch::nn::Module& module, const std::string& path,
                            const LoadOptions& options);

}  // namespace internal
}  // namespace accelerate
