// The output of another program, within a time limit.
//
// Example:
//   absl::StatusOr<std::string> version =
//       command_output({"python3", "--version"}, {.time_limit = std::chrono::seconds(2)});
//
// Not for programs that read input: theirs is empty. Not for long output.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct CommandOutputOptions {
  std::chrono::milliseconds time_limit = std::chrono::seconds(5);
  std::size_t size_limit = 1 << 16;  // In bytes.
  bool accepts_failure = false;      // Returns what it printed even if it failed.
  // Called if a started program fails, also because of a signal to this process: after the program
  // has ended completely, and before the signal ends this process. If the signal is SIGKILL,
  // another process calls it, which was forked when the program started.
  std::function<void()> on_failure = {};
};

// Runs `command`, whose first word is searched for in PATH, and returns its standard output.
// NotFound if it cannot be started, DeadlineExceeded if it takes too long, Internal if it fails or
// prints too much. The program and its process group never continue to run after that, not even if
// a signal, including SIGKILL, ends this process meanwhile. Call it while this process has one
// thread.
absl::StatusOr<std::string> command_output(const std::vector<std::string>& command,
                                           const CommandOutputOptions& options = {});

}  // namespace accelerate::launcher
