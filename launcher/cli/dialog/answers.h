// Checks and parses answers.
//
// Example:
//   absl::StatusOr<int> port = parse_number("80", 1, 65535);
//   if (!port.ok()) std::cout << port.status().message();  // enter a whole number from 1 to 65535.
//
// Not for flags and config files, where a message must say which one is wrong.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// These return the value of an answer; an error's message is only the remedy.

// Yes or no, or their first letters, in any case.
absl::StatusOr<bool> parse_yes_no(const std::string& answer);

absl::StatusOr<int> parse_number(const std::string& answer, int minimum, int maximum);

// Text in UTF-8 without control characters, at least one character.
absl::StatusOr<std::string> parse_text(const std::string& answer);

// The same without white space in it.
absl::StatusOr<std::string> parse_word(const std::string& answer);

}  // namespace accelerate::launcher
