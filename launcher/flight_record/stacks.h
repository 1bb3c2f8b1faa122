// Where each thread of a process is, as eu-stack or gdb tells, one of which must be installed.
//
// Example:
//   const Stacks stacks = read_stacks(pid);
//   std::cout << stacks.text << stacks.place;  // … `train_step` (main.cc:88)
//
// The process is stopped for as long as that takes, with gdb for seconds, and goes on in any case.
// Not for a process that is stopped already: that would let it go on, and so is not done.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"

namespace accelerate::launcher {

struct Stacks {
  std::string text = "";  // Lines; or one that says why there are none.
  std::string place =
      "";  // The innermost of the program's own places in its first thread, if known.
};

// Takes no longer than `limit` with each of them. To be called while this process has one thread.
Stacks read_stacks(pid_t pid, std::chrono::milliseconds limit = std::chrono::seconds(20));

// That place, by what one of them prints.
std::string innermost_place(absl::string_view stacks);

}  // namespace accelerate::launcher
