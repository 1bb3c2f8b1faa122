// The weights of a model in safetensors files, as Hugging Face's tools write and read them: one
// `model.safetensors`, or several with an index.
//
//   save_model_files(*net, "export", {.max_shard_size = 2'000'000'000});
//   load_model_files(*net, "export", {});
//
// For weights alone, to publish them or to start from them; Accelerator::save_model() calls it on
// one rank. Not for resuming a run: a checkpoint holds the optimizer and everything else, too.
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
  // In bytes. A larger model is split into several files, each of at most this size unless a single
  // tensor is larger.
  uint64_t max_shard_size = 10'000'000'000;
};

namespace internal {

// Saves parameters and buffers by their names, tied ones once. Replaces the files of a model that
// are in the folder; each file is written completely or not at all. Throws c10::Error, which names
// the file.
void save_model_files(const torch::nn::Module& module, const std::string& folder,
                      const SaveModelOptions& options);

// Saves tensors by their names as one file of a folder, which is written completely or not at all.
// Throws c10::Error, which names the file.
void save_tensors(const std::map<std::string, at::Tensor>& tensors, const std::string& folder,
                  const std::string& file);

// Loads from a .safetensors file, an index, or a folder with one of them. Converts floating-point
// types. If the files belong to another model, throws c10::Error that lists everything that
// differs, and changes nothing.
LoadReport load_model_files(torch::nn::Module& module, const std::string& path,
                            const LoadOptions& options);

}  // namespace internal
}  // namespace accelerate
