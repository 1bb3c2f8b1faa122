#include "launcher/env/integer.h"

#include <charconv>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

absl::StatusOr<int> parse_integer(const std::string& text, const IntegerRule& rule) {
  const char* end = text.data() + text.size();
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && value >= rule.minimum && value <= rule.maximum) {
    return value;
  }
  const std::string bounds = rule.maximum == std::numeric_limits<int>::max()
                                 ? absl::StrCat("of at least ", rule.minimum)
                                 : absl::StrCat("from ", rule.minimum, " to ", rule.maximum);
  return absl::InvalidArgumentError(absl::StrCat(
      rule.name, "=", text, " is not valid: it takes a whole number ", bounds, "; ", rule.remedy));
}

}  // namespace accelerate::launcher
