// Which mpirun this machine has.
//
// Example:
//   absl::StatusOr<MpirunOptions> mpirun = find_mpirun();
//   if (mpirun.ok()) launch = launch_through_mpirun(plan, command, *mpirun);  // mpirun.h
//
// Not for what mpirun is told beyond its own names.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/plan/mpirun.h"

namespace accelerate::launcher {

// mpirun, or else mpiexec, in PATH, and whether it is Open MPI's. NotFound if neither exists.
// Thread-safe.
absl::StatusOr<MpirunOptions> find_mpirun();

}  // namespace accelerate::launcher
