// Host tensors for the tests of copies, with several types and all kinds of strides.
//
//   for (const at::Tensor& tensor : dense_tensors()) EXPECT_TRUE(arrives_as_it_is(tensor));
//
// Not for sparse tensors, which are copied in another way.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace accelerate {

inline std::vector<at::Tensor> dense_tensors() {
  return {
      at::randn({3, 4}),
      at::arange(12).view({3, 4}).t(),
      at::arange(3).view({3, 1}).expand({3, 5}),
      at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast),
      at::randn({4}).to(at::kBFloat16),
      at::ones({}, at::kBool),
      at::empty({0, 3}),
      at::arange(10).slice(0, 0, 10, 2),
  };
}

}  // namespace accelerate
