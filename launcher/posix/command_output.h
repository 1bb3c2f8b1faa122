// What another program prints, for as long as one is willing to wait.
//
// Example:
//   absl::StatusOr<std::string> version =
//       command_output({"python3", "--version"}, {.time_limit = std::chrono::seconds(2)});
//
// Not for programs that ask anything: they find nothing to read. Not for long output either.
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
  bool accepts_failure = false;      // What it has printed is returned even where it has failed.
  // Called where a program that was started comes to an error, by a signal to this process as well:
  // when nothing of it runs any more, and before the signal ends this process. Where that is
  // SIGKILL, another process calls it, which has been forked when the program began.
  std::function<void()> on_failure = {};
};

// Runs `command`, its program first, which is looked up in PATH, and returns its standard output.
// NotFound where it cannot be started, DeadlineExceeded where it took too long, Internal where it
// failed or printed too much. In no case does it, or what it has started in its process group, run
// on, nor where a signal ends this process meanwhile, SIGKILL included. To be called while this
// process has one thread.
absl::StatusOr<std::string> command_output(const std::vector<std::string>& command,
                                           const CommandOutputOptions& options = {});

}  // namespace accelerate::launcher
