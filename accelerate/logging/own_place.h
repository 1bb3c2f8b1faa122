// Which process of a run this is, for each line of a log.
//
//   if (own_place().rank == 0) write_line();
//
// Part of the logging; not for others, which want to know of a bad variable: worker_environment.h.
#pragma once

namespace accelerate::internal {

struct Place {
  int rank = 0;
  bool is_alone = true;  // There is one process.
};

// As the environment tells it, read once, and again in a forked process: a launcher forks its
// workers, and gives each its place. A process whose environment is wrong counts as alone; the
// Accelerator says what is wrong. Thread-safe.
Place own_place();

}  // namespace accelerate::internal
