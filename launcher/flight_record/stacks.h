// The stack of each thread of a process, from eu-stack or gdb; one of them must be installed.
//
// Example:
//   const Stacks stacks = read_stacks(pid);
//   std::cout << stacks.text << stacks.place;  // … `train_step` (main.cc:88)
//
// The process is stopped meanwhile (for seconds with gdb), and always continues. Does nothing to a
// process that is already stopped, because that would let it continue.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"

namespace accelerate::launcher {

struct Stacks {
  std::string text = "";   // The stacks, or a line that says why there are none.
  std::string place = "";  // The program's own innermost place in its first thread, if known.
};

// Takes at most `limit` with each of the two tools. Call it while this process has one thread.
Stacks read_stacks(pid_t pid, std::chrono::milliseconds limit = std::chrono::seconds(20));

// The innermost place in the output of either tool.
std::string innermost_place(absl::string_view stacks);

}  // namespace accelerate::launcher
