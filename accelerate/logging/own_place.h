// Which process of a run this is, for each line of a log.
//
//   if (own_place().rank == 0) write_line();
//
// Part of the logging; not for others. To detect a wrong variable, use worker_environment.h.
#pragma once

namespace accelerate::internal {

struct Place {
  int rank = 0;
  bool is_alone = true;  // Whether the run has only one process.
};

// Reads the environment once, and again in a forked process, because a launcher forks its workers
// and then gives each its place. A process with a wrong environment counts as alone; the
// Accelerator reports what is wrong. Thread-safe.
Place own_place();

}  // namespace accelerate::internal
