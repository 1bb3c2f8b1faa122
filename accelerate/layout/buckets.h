// Which parameters travel between processes together: those of one type and device, in their
// order, up to a size.
//
//   for (const std::vector<size_t>& bucket : fill_buckets(tensors, {.first_mb = 1, .cap_mb = 25}))
//     send(bucket);
//
// Part of what syncs gradients; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace accelerate::internal {

struct BucketSizes {
  // A bucket is full when it has reached its size.
  double first_mb;
  double cap_mb;
};

// Returns indices of the tensors, with the buckets in the order in which they were begun.
std::vector<std::vector<size_t>> fill_buckets(const std::vector<at::Tensor>& tensors,
                                              const BucketSizes& sizes);

}  // namespace accelerate::internal
