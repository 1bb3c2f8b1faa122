// Part of the flight record; not for others. What the system says of a process.
#pragma once

#include <sys/types.h>

#include <vector>

namespace accelerate::launcher {

// A letter as in /proc; 0 where there is none, or where it has ended and waits to be waited for.
char process_state(pid_t pid);

// The process that has started it, or that it was left to; 0 for none.
pid_t parent_of(pid_t pid);

// The process whose debugger it is in; 0 for none.
pid_t debugger_of(pid_t pid);

// What the process itself takes for its number: another one than that in our /proc where it is in a
// pid namespace further in, as in a container that is looked at from its host. 0 for none.
pid_t own_number_of(pid_t pid);

// All in our /proc.
std::vector<pid_t> all_processes();

}  // namespace accelerate::launcher
