// Reads one line of input.
//
// Example:
//   const auto next_byte = [&]() -> std::optional<char> {
//     const int byte = std::cin.get();
//     return byte == EOF ? std::nullopt : std::optional<char>(byte);
//   };
//   absl::StatusOr<std::string> answer = read_answer(next_byte, "How many?");
//
// Not for files: a line that is longer than any answer is an error.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::launcher {

// Reads to the end of the line and returns it without the white space around it. `next_byte`
// returns no value at the end of the input. That is an error, which names `question`, unless it
// ends a line.
absl::StatusOr<std::string> read_answer(const std::function<std::optional<char>()>& next_byte,
                                        const std::string& question);

// The error for the end of the input.
absl::Status input_ended(const std::string& question);

}  // namespace accelerate::launcher
