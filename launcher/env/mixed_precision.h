// The precision that a run computes in, as flags, config files and the environment name it.
//
// Example:
//   absl::StatusOr<MixedPrecision> precision = parse_mixed_precision("bf16");
//
// Not the policy that a training program is compiled for: this names the choice at launch.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

enum class MixedPrecision {
  kNo,    // fp32 throughout.
  kFp16,  // fp16 under a dynamic loss scale.
  kBf16,
};

// "no" (or its synonym "fp32"), "fp16" or "bf16"; otherwise InvalidArgument with the valid words.
absl::StatusOr<MixedPrecision> parse_mixed_precision(const std::string& text);

// The word that parse_mixed_precision() turns into `precision`.
std::string mixed_precision_name(MixedPrecision precision);

}  // namespace accelerate::launcher
