// The streams that a subcommand writes to and reads answers from, which a test can replace.
//
// Example:
//   int run_hello(const std::vector<std::string>& words, const Console& console) {
//     console.output << "hello\n";
//     return kSuccess;
//   }
//
// Not for programs that a subcommand starts: those inherit the real streams.
#pragma once

#include <iostream>

namespace accelerate::launcher {

struct Console {
  std::ostream& output = std::cout;  // The results.
  std::ostream& errors = std::cerr;  // Errors and warnings.
  std::istream& input = std::cin;    // Answers to its questions.
};

// The command's exit codes.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsageError = 2;  // The request is wrong, or cannot be met.

}  // namespace accelerate::launcher
