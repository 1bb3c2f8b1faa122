// The precision that a run computes in, as flags, config files and the environment name it.
//
// Example:
//   absl::StatusOr<MixedPrecision> precision = parse_mixed_precision("bf16");
//
// Not the policy that a training program is compiled for: this names the choice at launch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

enum class MixedPrecision {
  kNo,    // fp32 throughout.
  kFp16,  // fp16 under a dynamic loss scale.
  kBf16,
  kFp8,  // For Python programs only; always the last.
};

// The words, indexed by the enumerators.
inline constexpr const char* kMixedPrecisionWords[] = {"no", "fp16", "bf16", "fp8"};

// All words, and those that programs built here accept.
std::vector<std::string> mixed_precision_words();
std::vector<std::string> built_precision_words();

// The word for a precision.
std::string to_string(MixedPrecision precision);

// The precision that a word names in files and flags, upper or lower case; "fp32" means "no". No
// value for other words.
std::optional<MixedPrecision> find_mixed_precision(const std::string& word);

// The same for the lower-case words of programs built here; otherwise InvalidArgument, which lists
// them.
absl::StatusOr<MixedPrecision> parse_mixed_precision(const std::string& text);

}  // namespace accelerate::launcher
