// The element types that a safetensors file can hold.
//
// Example:
//   const std::optional<Dtype> dtype = parse_dtype("BF16");
//   if (dtype.has_value()) std::cout << dtype_bits(*dtype);  // 16
//
// Not for the precision in which a run computes (launcher/env/mixed_precision.h), nor for
// LibTorch's scalar types.
#pragma once

#include <optional>
#include <string>

namespace accelerate::safetensors {

// In the order of Python's package, which lay_out() (layout.h) follows.
enum class Dtype {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBf16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

// The type of this name, or nothing if the format has no such type.
std::optional<Dtype> parse_dtype(const std::string& name);

// The name that parse_dtype() turns into `dtype`.
std::string dtype_name(Dtype dtype);

// How many bits an element takes in a file; 4 and 6 for the packed types.
int dtype_bits(Dtype dtype);

// True for real floating-point numbers of any width, which a model can be converted between.
bool is_floating_point(Dtype dtype);

// All names, for messages: "BOOL, F4, …".
std::string all_dtype_names();

}  // namespace accelerate::safetensors
