// What the kernel tells of the processes that a test has started.
//
// Example:
//   EXPECT_TRUE(eventually([&] { return state(children(program.pid())[1]) == 'Z'; }));
//
// Not for processes that may have gone, whose numbers may be anyone's.
#pragma once

#include <sys/types.h>

#include <vector>

namespace accelerate::launcher {

// The children of a process with one thread, in the order in which it started them; zombies too.
std::vector<pid_t> children(pid_t parent);

// 'R' or 'S' where it runs or waits, 'T' where it was stopped, 'Z' for a zombie; 0 for none.
char state(pid_t pid);

}  // namespace accelerate::launcher
