// Where a subcommand writes, and reads answers from, in a form that a test can replace.
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
  std::ostream& output = std::cout;  // What was asked for.
  std::ostream& errors = std::cerr;  // Errors and warnings.
  std::istream& input = std::cin;    // Answers to what it asks.
};

// What the command exits with.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsageError = 2;  // What was asked for is wrong, or cannot be had.

}  // namespace accelerate::launcher
