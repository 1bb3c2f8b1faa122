#include "launcher/env/truth_value.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

absl::StatusOr<bool> parse_truth_value(const std::string& variable, const std::string& text) {
  static constexpr std::array kTrue = {"y", "yes", "t", "true", "on", "1"};
  static constexpr std::array kFalse = {"n", "no", "f", "false", "off", "0"};
  const std::string word = absl::AsciiStrToLower(text);
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return absl::InvalidArgumentError(absl::StrCat(
      variable, ": invalid truth value ", text,
      "; set it to one of y, yes, t, true, on, 1 or n, no, f, false, off, 0, or unset it."));
}

absl::StatusOr<bool> read_truth_value(const std::string& variable,
                                      const EnvironmentLookup& lookup) {
  const std::optional<std::string> text = lookup(variable);
  if (!text.has_value()) return false;
  return parse_truth_value(variable, *text);
}

}  // namespace accelerate::launcher
