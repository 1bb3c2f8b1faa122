#include "accelerate/layout/stored_type.h"

#include <utility>

namespace accelerate {
namespace {

using safetensors::Dtype;

constexpr std::pair<Dtype, c10::ScalarType> kTypes[] = {
    {Dtype::kBool, c10::ScalarType::Bool},
    {Dtype::kU8, c10::ScalarType::Byte},
    {Dtype::kI8, c10::ScalarType::Char},
    {Dtype::kF8E5M2, c10::ScalarType::Float8_e5m2},
    {Dtype::kF8E4M3, c10::ScalarType::Float8_e4m3fn},
    {Dtype::kF8E8M0, c10::ScalarType::Float8_e8m0fnu},
    {Dtype::kF8E4M3Fnuz, c10::ScalarType::Float8_e4m3fnuz},
    {Dtype::kF8E5M2Fnuz, c10::ScalarType::Float8_e5m2fnuz},
    {Dtype::kI16, c10::ScalarType::Short},
    {Dtype::kU16, c10::ScalarType::UInt16},
    {Dtype::kF16, c10::ScalarType::Half},
    {Dtype::kBf16, c10::ScalarType::BFloat16},
    {Dtype::kI32, c10::ScalarType::Int},
    {Dtype::kU32, c10::ScalarType::UInt32},
    {Dtype::kF32, c10::ScalarType::Float},
    {Dtype::kC64, c10::ScalarType::ComplexFloat},
    {Dtype::kF64, c10::ScalarType::Double},
    {Dtype::kI64, c10::ScalarType::Long},
    {Dtype::kU64, c10::ScalarType::UInt64},
};

}  // namespace

std::optional<c10::ScalarType> scalar_type(Dtype dtype) {
  for (const auto& [stored, type] : kTypes) {
    if (stored == dtype) return type;
  }
  return std::nullopt;
}

std::optional<Dtype> stored_type(c10::ScalarType type) {
  for (const auto& [stored, known] : kTypes) {
    if (known == type) return stored;
  }
  return std::nullopt;
}

}  // namespace accelerate
