// The first steps of a forked process on its way to being a worker.
//
// Example, in the child of a fork:
//   run_worker({.supervisor = parent,
//               .watchdog = watchdog,
//               .variables = worker_variables(plan, place, store),
//               .stderr_pipe = write_end.get()},
//              train);
//
// Does not return.
#pragma once

#include <sys/types.h>

#include <functional>

#include "launcher/env/environment.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/supervisor/watchdog.h"

namespace accelerate::launcher {

struct WorkerStart {
  pid_t supervisor = 0;  // The parent; the worker is killed when it dies.
  Watchdog& watchdog;    // Started by the parent.
  EnvironmentChanges variables = {};
  int stdout_pipe = -1;      // Becomes standard output, if open.
  int stderr_pipe = -1;      // Becomes standard error, if open.
  CpuSet cpus = {};          // The CPUs it runs on; any if empty.
  bool keeps_stdin = false;  // Otherwise, and in a background job, standard input is empty.
};

// Makes this process a worker as `start` says, with line-buffered standard output, and ends it by
// std::exit() with what `worker` returns.
[[noreturn]] void run_worker(const WorkerStart& start, const std::function<int()>& worker) noexcept;

}  // namespace accelerate::launcher
