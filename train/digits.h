// The 8x8 images of handwritten digits in train/data/digits.csv, as a data set that makes its own
// batches.
//
//   auto [train_set, test_set] = Digits::read("digits.csv").split(0.8, /*seed=*/42);
#pragma once

#include <torch/data/datasets/base.h>

#include <string>
#include <utility>

namespace accelerate::train {

class Digits : public torch::data::datasets::BatchDataset<Digits, torch::data::Example<>> {
 public:
  // Each line has 64 pixels from 0 to 16 and a label from 0 to 9, separated by commas. Throws
  // c10::Error that names the file, and the line or the image that is wrong.
  static Digits read(const std::string& file);

  // Returns a random share of the images, and the rest.
  std::pair<Digits, Digits> split(double share, uint64_t seed) const;

  // Images [batch, 1, 8, 8] in fp32 from 0 to 1, labels [batch] in int64.
  torch::data::Example<> get_batch(c10::ArrayRef<size_t> indices) override;
  std::optional<size_t> size() const override { return labels_.size(0); }

 private:
  Digits(at::Tensor images, at::Tensor labels)
      : images_(std::move(images)), labels_(std::move(labels)) {}

  at::Tensor images_;
  at::Tensor labels_;
};

}  // namespace accelerate::train
