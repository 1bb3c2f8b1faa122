// Turns the examples that a data set returned into a batch: the third argument of a DataLoader.
//
//   const auto pad = [](std::vector<Sentence> batch) { return padded_to_the_longest(batch); };
//   DataLoader loader(corpus, {.batch_size = 32}, pad);
//
// Any function works that takes the vector that the data set's get_batch() returns, or a vector of
// a stream's elements, and returns the batch. Workers call it at the same time, each with its own
// examples. The default is DefaultCollate. Not for work on single samples, which map() in mapped.h
// does.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>
#include <torch/data/transforms/stack.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace accelerate {

// Stacks tensors, and examples of tensors, along a new dimension 0. Other examples stay a vector,
// and a batch that the data set made is left unchanged.
struct DefaultCollate {
  template <class Batch>
  auto operator()(Batch batch) const {
    return batch;
  }
  torch::data::Example<> operator()(std::vector<torch::data::Example<>> batch) const {
    return torch::data::transforms::Stack<torch::data::Example<>>().apply_batch(std::move(batch));
  }
  torch::data::TensorExample operator()(std::vector<torch::data::TensorExample> batch) const {
    return torch::data::transforms::Stack<torch::data::TensorExample>().apply_batch(
        std::move(batch));
  }
  at::Tensor operator()(std::vector<at::Tensor> batch) const { return at::stack(batch); }
};

// For a data set or a stream each of whose examples is already a batch, of any type. The loader's
// batch_size is then std::nullopt.
struct WholeBatches {
  template <class Example>
  Example operator()(std::vector<Example> batch) const {
    TORCH_CHECK(batch.size() == 1, "WholeBatches takes one example, which is the batch, and got ",
                batch.size(), "; leave batch_sampler out");
    return std::move(batch.front());
  }
};

namespace internal {

// `one_by_one`: each example is a batch by itself.
template <class Batch, class Collate, class Examples>
Batch make_batch(const Collate& collate, Examples examples, bool one_by_one) {
  if constexpr (std::is_same_v<Collate, DefaultCollate> &&
                requires { requires std::is_same_v<typename Examples::value_type, Batch>; }) {
    if (one_by_one) return std::move(examples.front());
  }
  return collate(std::move(examples));
}

}  // namespace internal
}  // namespace accelerate
