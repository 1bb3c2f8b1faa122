// Whole numbers written by people, in flags and environment variables.
//
// Example:
//   absl::StatusOr<int> port = parse_integer(text, {.name = "MASTER_PORT", .minimum = 1,
//                                                   .maximum = 65535, .remedy = "unset it"});
//
// Not for data: it makes an error message per bad value, and knows ints only.
#pragma once

#include <limits>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct IntegerRule {
  std::string name = "";  // Where the text stands, for the message: "RANK", "--num_processes".
  int minimum = 0;
  int maximum = std::numeric_limits<int>::max();
  std::string remedy = "";  // What to do about a bad value; ends the message.
};

// The number that `text` consists of, digits and a minus sign only. InvalidArgument where it is
// none or outside of the rule's bounds; the message has the name, the text, the bounds and the
// remedy.
absl::StatusOr<int> parse_integer(const std::string& text, const IntegerRule& rule);

}  // namespace accelerate::launcher
