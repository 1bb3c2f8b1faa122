// Part of the flight record; not for others. What the system says about a process.
#pragma once

#include <sys/types.h>

#include <vector>

namespace accelerate::launcher {

// A letter as in /proc; 0 if there is no such process, or it has ended and is a zombie.
char process_state(pid_t pid);

// The process that started it, or that adopted it; 0 for none.
pid_t parent_of(pid_t pid);

// The process that debugs it; 0 for none.
pid_t debugger_of(pid_t pid);

// The pid that the process itself sees. It differs from the one in our /proc if the process is in
// an inner pid namespace, such as a container seen from its host. 0 for none.
pid_t own_number_of(pid_t pid);

// The pids of all processes in our /proc.
std::vector<pid_t> all_processes();

}  // namespace accelerate::launcher
