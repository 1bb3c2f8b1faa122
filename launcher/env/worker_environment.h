// The place of a process in a job of several, as its environment tells it.
//
// Example:
//   absl::StatusOr<std::optional<WorkerEnvironment>> worker = read_worker_environment();
//   if (!worker.ok()) return fail(worker.status());
//   if (worker->has_value()) {
//     // A launcher (this library's, torchrun, mpirun) started this process as one of several.
//   }
//
// Not for how to train: the precision and the device have variables of their own
// (variable_names.h), which processes outside of any job may have as well.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"

namespace accelerate::launcher {

struct WorkerEnvironment {
  int rank = 0;              // Among all processes, from 0.
  int world_size = 1;        // Of all machines together.
  int local_rank = 0;        // Among the processes of this machine, from 0.
  int local_world_size = 1;  // Of this machine.
  std::string main_address = "127.0.0.1";
  int main_port = 29500;  // Where the rendezvous store of rank 0 listens.
  // The store's listening socket, which rank 0 inherited already open; nothing on other ranks, and
  // where rank 0 has to open it.
  std::optional<int> store_fd = std::nullopt;
  // Where the processes of this machine tell each other how far they are (rank_states.h); empty
  // where no launcher has made that.
  std::string rank_states = "";
  // Where they note what they do (launcher/flight_record); empty where no launcher has made that.
  std::string flight_record = "";
  // An agent outside of the job holds the store: rank 0, too, must connect to it and not listen.
  bool agent_store = false;
  // What all processes of the attempt know, and sign their values in the store with; empty where
  // the launcher gives them none.
  std::string store_secret = "";
  // How often all processes were started again before: an agent's store still has what they wrote
  // then.
  int attempt = 0;

  bool operator==(const WorkerEnvironment&) const = default;
};

// Reads the place of this process, or nothing where it is no worker: neither its rank nor the size
// of the world is set, and it is no task of a SLURM step with several (slurm_step.h). Each value is
// the first that is set of
//   RANK, PMI_RANK, OMPI_COMM_WORLD_RANK, MV2_COMM_WORLD_RANK
//   WORLD_SIZE, PMI_SIZE, OMPI_COMM_WORLD_SIZE, MV2_COMM_WORLD_SIZE
//   LOCAL_RANK, MPI_LOCALRANKID, OMPI_COMM_WORLD_LOCAL_RANK, MV2_COMM_WORLD_LOCAL_RANK
//   LOCAL_WORLD_SIZE, MPI_LOCALNRANKS, OMPI_COMM_WORLD_LOCAL_SIZE, MV2_COMM_WORLD_LOCAL_SIZE
//   MASTER_ADDR, MASTER_PORT, TORCHELASTIC_RESTART_COUNT, ACCELERATE_STORE_SECRET,
//   ACCELERATE_STORE_FD, ACCELERATE_RANK_STATES, ACCELERATE_FLIGHT_RECORD
// and otherwise what the SLURM step or Open MPI (open_mpi.h) tells. Without any of these, all meet
// at 127.0.0.1:29500, and all ranks are taken to be on this machine where the main address is a
// loopback one; it is an error otherwise.
//
// A pod of a Kubernetes job (kubernetes_pod.h) is a worker where it holds one process. One that
// holds several is none: it is to launch them.
//
// InvalidArgument names the variable with a bad value, and what to do. Safe from several threads as
// long as none writes the environment.
absl::StatusOr<std::optional<WorkerEnvironment>> read_worker_environment(
    const EnvironmentLookup& lookup = process_environment);

// What read_worker_environment() reads `worker` back from. A variable that has no value in `worker`
// is unset, so that nothing of an outer job is left.
EnvironmentChanges worker_environment_changes(const WorkerEnvironment& worker);

// Writes worker_environment_changes() into this process's environment. Not thread-safe.
void export_worker_environment(const WorkerEnvironment& worker);

}  // namespace accelerate::launcher
