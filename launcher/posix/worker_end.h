// How a worker ended.
//
// Example:
//   if (end.failed()) std::cerr << "rank 3 " << describe(end) << "\n";
//
// Not for workers that still run.
#pragma once

#include <string>

namespace accelerate::launcher {

struct WorkerEnd {
  bool by_signal = false;
  int code = 0;  // The signal's number, or the exit code.

  bool failed() const { return by_signal || code != 0; }

  // The exit code for a shell: 128 + signal, or the exit code itself.
  int exit_code() const { return by_signal ? 128 + code : code; }

  bool operator==(const WorkerEnd&) const = default;
};

// "exited with code 3", "was killed by signal 11 (SIGSEGV, Segmentation fault)".
std::string describe(const WorkerEnd& end);

// "SIGTERM", or "signal 34" if it has no name.
std::string signal_name(int signal);

}  // namespace accelerate::launcher
