// Data for the tests of loaders, and a function that returns what a pass over them yields.
//
//   DataLoader loader(Numbers(5), {.batch_size = 2});
//   EXPECT_EQ(targets(loader), (Batches{{0, 1}, {2, 3}, {4}}));
#pragma once

#include <ATen/ATen.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace accelerate {

inline torch::data::Example<> number_example(int64_t number) {
  return {at::full({2}, number), at::full({}, number)};
}

// The numbers 0 to n - 1, one by one.
class Numbers : public torch::data::datasets::Dataset<Numbers> {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  torch::data::Example<> get(size_t index) override {
    ++*reads;
    if (index == bad_index) throw std::runtime_error("sample is broken");
    return number_example(static_cast<int64_t>(index));
  }
  std::optional<size_t> size() const override { return size_; }

  size_t bad_index = SIZE_MAX;
  // The reads of all copies together.
  std::shared_ptr<std::atomic<int64_t>> reads = std::make_shared<std::atomic<int64_t>>(0);

 private:
  size_t size_;
};

// The same as a stream.
struct NumberStream {
  std::optional<torch::data::Example<>> next() {
    if (position == size) return std::nullopt;
    ++*reads;
    if (position == bad_number) {
      ++position;
      throw std::runtime_error("element is broken");
    }
    return number_example(position++);
  }

  int64_t size = 0;
  int64_t bad_number = -1;
  int64_t position = 0;
  std::shared_ptr<std::atomic<int64_t>> reads = std::make_shared<std::atomic<int64_t>>(0);
};

using Batches = std::vector<std::vector<int64_t>>;

inline std::vector<int64_t> values_of(const at::Tensor& tensor) {
  const at::Tensor row = tensor.contiguous();
  return {row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.numel()};
}

template <class Loader>
Batches targets(Loader& loader) {
  Batches result;
  for (auto& batch : loader) result.push_back(values_of(batch.target));
  return result;
}

}  // namespace accelerate
