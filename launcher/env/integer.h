// Whole numbers written by people, in flags and environment variables.
//
// Example:
//   absl::StatusOr<int> port = parse_integer(text, {.name = "MASTER_PORT", .minimum = 1,
//                                                   .maximum = 65535, .remedy = "unset it"});
//
// Not for data: it makes an error message for each bad value, and reads ints only.
#pragma once

#include <limits>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct IntegerRule {
  std::string name = "";  // Where the text is from, for the message: "RANK", "--num_processes".
  int minimum = 0;
  int maximum = std::numeric_limits<int>::max();
  std::string remedy = "";  // What to do about a bad value; ends the message.
};

// The number in `text`, which has only digits and a minus sign. InvalidArgument if it is not a
// number or outside the bounds of the rule; the message has the name, the text, the bounds and the
// remedy.
absl::StatusOr<int> parse_integer(const std::string& text, const IntegerRule& rule);

}  // namespace accelerate::launcher
