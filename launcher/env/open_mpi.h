// Where the processes that Open MPI's mpirun started can meet.
//
// Example:
//   absl::StatusOr<MeetingPlace> place = open_mpi_meeting_place({.rank = 1, .size = 4});
//
// Not for their ranks: worker_environment.h reads those.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/meeting_place.h"

namespace accelerate::launcher {

struct MpiPlace {
  int rank = 0;
  int size = 1;
  int local_size = 1;  // On this host.
};

// 127.0.0.1 if all processes are on this host. Otherwise the first host of a SLURM allocation,
// where rank 0 is, or else the host of mpirun, which is that of rank 0 unless a hostfile moves rank
// 0. In that case rank 0 notices it, and fails with a remedy. The port is job_port() of mpirun's
// number for the job.
//
// FailedPrecondition says to pass MASTER_ADDR if the host is unknown. Safe from several threads if
// none writes the environment.
absl::StatusOr<MeetingPlace> open_mpi_meeting_place(
    const MpiPlace& place, const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
