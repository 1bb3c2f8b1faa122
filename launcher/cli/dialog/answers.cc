#include "launcher/cli/dialog/answers.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/integer.h"
#include "launcher/text/utf8.h"

namespace accelerate::launcher {
namespace {

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7F; }

}  // namespace

absl::StatusOr<bool> parse_yes_no(const std::string& answer) {
  for (const std::string yes : {"yes", "y"}) {
    if (absl::EqualsIgnoreCase(answer, yes)) return true;
  }
  for (const std::string no : {"no", "n"}) {
    if (absl::EqualsIgnoreCase(answer, no)) return false;
  }
  return absl::InvalidArgumentError("enter yes or no.");
}

absl::StatusOr<int> parse_number(const std::string& answer, int minimum, int maximum) {
  const absl::StatusOr<int> number =
      parse_integer(answer, {.minimum = minimum, .maximum = maximum});
  if (number.ok()) return *number;
  return absl::InvalidArgumentError(
      absl::StrCat("enter a whole number from ", minimum, " to ", maximum, "."));
}

absl::StatusOr<std::string> parse_text(const std::string& answer) {
  if (!answer.empty() && find_no_utf8(answer) == answer.size() &&
      std::none_of(answer.begin(), answer.end(), is_control)) {
    return answer;
  }
  return absl::InvalidArgumentError("enter a text of printable characters.");
}

absl::StatusOr<std::string> parse_word(const std::string& answer) {
  if (parse_text(answer).ok() && answer.find(' ') == std::string::npos) return answer;
  return absl::InvalidArgumentError("enter one word of printable characters.");
}

}  // namespace accelerate::launcher
