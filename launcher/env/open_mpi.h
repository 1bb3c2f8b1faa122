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

// 127.0.0.1 where all processes are on this host. Otherwise the first host of a SLURM allocation,
// where rank 0 is, or else the host that mpirun runs on, which is that of rank 0 unless a hostfile
// says otherwise: rank 0 notices, and fails with what to do. The port is job_port() of mpirun's
// number for the job.
//
// FailedPrecondition says to pass MASTER_ADDR where nothing tells. Safe from several threads as
// long as none writes the environment.
absl::StatusOr<MeetingPlace> open_mpi_meeting_place(
    const MpiPlace& place, const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
