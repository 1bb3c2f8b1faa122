#include "formats/safetensors/tensor_size.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::safetensors {

absl::StatusOr<TensorSize> tensor_size(Dtype dtype, const std::vector<std::uint64_t>& shape) {
  if (shape.size() > kMostDimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat("has more than ", kMostDimensions, " dimensions"));
  }
  TensorSize size;
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(size.num_elements, extent, &size.num_elements)) {
      return absl::InvalidArgumentError("has a shape with more elements than can be counted");
    }
  }
  std::uint64_t bits = 0;
  if (__builtin_mul_overflow(size.num_elements, static_cast<std::uint64_t>(dtype_bits(dtype)),
                             &bits)) {
    return absl::InvalidArgumentError("has a shape with more bytes than can be counted");
  }
  if (bits % 8 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("of the packed type ", dtype_name(dtype), " does not end with a whole byte"));
  }
  size.num_bytes = bits / 8;
  return size;
}

}  // namespace accelerate::safetensors
