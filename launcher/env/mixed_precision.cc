#include "launcher/env/mixed_precision.h"

#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace accelerate::launcher {

std::vector<std::string> mixed_precision_words() {
  return {std::begin(kMixedPrecisionWords), std::end(kMixedPrecisionWords)};
}

std::vector<std::string> built_precision_words() {
  return {std::begin(kMixedPrecisionWords), std::end(kMixedPrecisionWords) - 1};
}

std::string to_string(MixedPrecision precision) {
  return kMixedPrecisionWords[static_cast<int>(precision)];
}

std::optional<MixedPrecision> find_mixed_precision(const std::string& word) {
  const std::string lower = absl::AsciiStrToLower(word);
  if (lower == "fp32") return MixedPrecision::kNo;
  for (int i = 0; i < std::ssize(kMixedPrecisionWords); ++i) {
    if (lower == kMixedPrecisionWords[i]) return static_cast<MixedPrecision>(i);
  }
  return std::nullopt;
}

absl::StatusOr<MixedPrecision> parse_mixed_precision(const std::string& text) {
  const auto found = find_mixed_precision(text);
  const std::string choice =
      absl::StrCat("; choose one of ", absl::StrJoin(built_precision_words(), ", "), ".");
  if (!found || text != absl::AsciiStrToLower(text))
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a mixed precision", choice));
  if (*found == MixedPrecision::kFp8)
    return absl::InvalidArgumentError(
        absl::StrCat("mixed precision fp8 is not supported here", choice));
  return *found;
}

}  // namespace accelerate::launcher
