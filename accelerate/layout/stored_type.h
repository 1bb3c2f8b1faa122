// The name of a LibTorch type in a safetensors file, and the other way round.
//
//   const std::optional<safetensors::Dtype> dtype = stored_type(at::kBFloat16);
//   if (dtype) std::cout << safetensors::dtype_name(*dtype);  // BF16
//
// Not for the types with which kernels compute: see element_type.h.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "formats/safetensors/dtype.h"

namespace accelerate {

// None for types that LibTorch lacks or packs in its own way.
std::optional<c10::ScalarType> scalar_type(safetensors::Dtype dtype);

// None for types that no file can hold, such as complex numbers of double precision.
std::optional<safetensors::Dtype> stored_type(c10::ScalarType type);

}  // namespace accelerate
