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
  kFp8,  // Of Python programs alone, always the last.
};

// In the order of their enumerators, which are the indices.
inline constexpr const char* kMixedPrecisionWords[] = {"no", "fp16", "bf16", "fp8"};

// The words, and those of programs that are built here.
std::vector<std::string> mixed_precision_words();
std::vector<std::string> built_precision_words();

// Its word.
std::string to_string(MixedPrecision precision);

// What a word stands for in files and flags, in any case, where "fp32" is no; nothing where it is
// none of the words.
std::optional<MixedPrecision> find_mixed_precision(const std::string& word);

// The same of the lower-case words of programs that are built here; otherwise InvalidArgument with
// these.
absl::StatusOr<MixedPrecision> parse_mixed_precision(const std::string& text);

}  // namespace accelerate::launcher
