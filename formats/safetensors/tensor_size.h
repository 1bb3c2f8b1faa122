// The numbers of elements and bytes of a tensor, from its type and shape.
//
// Example:
//   const absl::StatusOr<TensorSize> size = tensor_size(Dtype::kF32, {10, 64});
//   if (!size.ok()) return fail(size.status());
//   std::cout << size->num_bytes;  // 2560
//
// Not for what a file says about its tensors, whose offsets may contradict their shapes:
// read_header() (header.h) checks that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/dtype.h"

namespace accelerate::safetensors {

// The same limit as in PyTorch.
inline constexpr std::size_t kMostDimensions = 64;

struct TensorSize {
  std::uint64_t num_elements = 1;  // The product of the shape.
  std::uint64_t num_bytes = 0;
};

// InvalidArgument if there are more than kMostDimensions dimensions, if a number is too large for
// its type, or if packed elements do not end with a whole byte. The message is a sentence without
// its subject, the tensor, such as "has more than 64 dimensions".
absl::StatusOr<TensorSize> tensor_size(Dtype dtype, const std::vector<std::uint64_t>& shape);

}  // namespace accelerate::safetensors
