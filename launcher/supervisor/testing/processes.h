// What the kernel says about the processes that a test has started.
//
// Example:
//   EXPECT_TRUE(eventually([&] { return state(children(program.pid())[1]) == 'Z'; }));
//
// Not for processes that may have ended, whose numbers may belong to others.
#pragma once

#include <sys/types.h>

#include <vector>

namespace accelerate::launcher {

// The children of a process with one thread, in the order in which it started them; zombies too.
std::vector<pid_t> children(pid_t parent);

// 'R' if it runs, 'S' if it waits, 'T' if it is stopped, 'Z' for a zombie that its parent can wait
// for; 0 for no process.
char state(pid_t pid);

}  // namespace accelerate::launcher
