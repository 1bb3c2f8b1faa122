// The rows of two tensors in a safetensors file as samples, read from the file batch by batch.
//
//   accelerate::SafetensorsFile images("images.safetensors",
//                                      {.data = "pixels", .target = "labels"});
//   accelerate::DataLoader loader(images, {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// Sample i is row i of both tensors. The file is memory-mapped, not read: a batch copies its rows,
// and the system keeps what was read in its page cache, once for all processes of a machine. In
// Python, safetensors.torch.save_file({"pixels": pixels, "labels": labels}, "images.safetensors")
// writes such a file.
//
// Not for a file that is still being written: if it becomes shorter, the system ends the process
// with SIGBUS. Not for the weights of a model. A copy refers to the same mapping; reading from
// several threads is safe.
#pragma once

#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <optional>
#include <string>

#include "accelerate/data/tensor_dataset.h"

namespace accelerate {

// Names of tensors in a file.
struct SafetensorsColumns {
  std::string data;
  std::string target;
};

class SafetensorsFile
    : public torch::data::datasets::BatchDataset<SafetensorsFile, torch::data::Example<>> {
 public:
  // Reads the header. Throws c10::Error if the file cannot be read or is damaged, if it lacks one
  // of the tensors, if one of them is a scalar, if their numbers of rows differ, or if LibTorch
  // lacks an element type.
  SafetensorsFile(const std::string& path, const SafetensorsColumns& columns);

  // Both with the types of the file, on the CPU: [batch, ...].
  torch::data::Example<> get_batch(at::ArrayRef<size_t> rows) override {
    return rows_.get_batch(rows);
  }
  std::optional<size_t> size() const override { return rows_.size(); }

 private:
  TensorDataset rows_;
};

}  // namespace accelerate
