// Samples in memory, as the rows of two tensors: the data set for most small problems.
//
//   accelerate::TensorDataset dataset(images, labels);   // images[i] belongs to labels[i]
//   accelerate::DataLoader loader(dataset, {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// A batch is a copy of its rows, made in one operation. A copy of the data set refers to the same
// tensors, which must not change while they are read; reading from several threads is safe. Not for
// data that does not fit into memory: derive from torch::data::datasets::Dataset, or use
// SafetensorsFile.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

namespace accelerate {

class TensorDataset
    : public torch::data::datasets::BatchDataset<TensorDataset, torch::data::Example<>> {
 public:
  // Both on one device. Throws c10::Error if one of them is a scalar, or if their numbers of rows
  // differ.
  TensorDataset(at::Tensor data, at::Tensor target);

  torch::data::Example<> get_batch(at::ArrayRef<size_t> rows) override;
  std::optional<size_t> size() const override { return data_.size(0); }

 private:
  at::Tensor data_;
  at::Tensor target_;
};

}  // namespace accelerate
