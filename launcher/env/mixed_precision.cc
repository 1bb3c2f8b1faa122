#include "launcher/env/mixed_precision.h"

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

absl::StatusOr<MixedPrecision> parse_mixed_precision(const std::string& text) {
  for (const auto precision : {MixedPrecision::kNo, MixedPrecision::kFp16, MixedPrecision::kBf16}) {
    if (text == mixed_precision_name(precision)) return precision;
  }
  if (text == "fp32") return MixedPrecision::kNo;
  if (text == "fp8") {
    return absl::InvalidArgumentError(
        "mixed precision fp8 is not supported here; choose one of no, fp16, bf16.");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no mixed precision; choose one of no, fp16, bf16."));
}

std::string mixed_precision_name(MixedPrecision precision) {
  switch (precision) {
    case MixedPrecision::kFp16:
      return "fp16";
    case MixedPrecision::kBf16:
      return "bf16";
    case MixedPrecision::kNo:
      break;
  }
  return "no";
}

}  // namespace accelerate::launcher
