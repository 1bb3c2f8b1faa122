// What a safetensors file calls a LibTorch type, and the other way round.
//
//   const std::optional<safetensors::Dtype> dtype = stored_type(at::kBFloat16);
//   if (dtype) std::cout << safetensors::dtype_name(*dtype);  // BF16
//
// Not for what kernels compute with: that is element_type.h.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "formats/safetensors/dtype.h"

namespace accelerate {

// None for those that LibTorch lacks, or packs in a way of its own.
std::optional<c10::ScalarType> scalar_type(safetensors::Dtype dtype);

// None for those that no file holds, such as complex numbers of double precision.
std::optional<safetensors::Dtype> stored_type(c10::ScalarType type);

}  // namespace accelerate
