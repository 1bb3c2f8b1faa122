// The rows of two tensors of a safetensors file as samples, read from the file batch by batch.
//
//   accelerate::SafetensorsFile images("images.safetensors",
//                                      {.data = "pixels", .target = "labels"});
//   accelerate::DataLoader loader(images, {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// Row i of either tensor, data[i] and target[i], is sample i. The file is mapped and not read: a
// batch copies its rows, and what has been looked at is kept by the system for as long as there is
// memory for it, once for all processes of a machine. In Python such a file is written by
// safetensors.torch.save_file({"pixels": pixels, "labels": labels}, "images.safetensors").
//
// Not for a file that is still written to: the system ends a process that looks at what has been
// cut off meanwhile (SIGBUS). Not for the weights of a model. A copy refers to the same mapping;
// reading from several threads is safe.
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
  // Reads the header. Throws c10::Error when the file cannot be read or is damaged, when it has no
  // such tensor, when one has no rows to speak of (a number has none), when the two have different
  // numbers of them, or for an element type that LibTorch lacks.
  SafetensorsFile(const std::string& path, const SafetensorsColumns& columns);

  // Both of the types that they have in the file, on the CPU: [batch, ...].
  torch::data::Example<> get_batch(at::ArrayRef<size_t> rows) override {
    return rows_.get_batch(rows);
  }
  std::optional<size_t> size() const override { return rows_.size(); }

 private:
  TensorDataset rows_;
};

}  // namespace accelerate
