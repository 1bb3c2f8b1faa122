// The place of a process in its job, as the environment gives it.
//
// Example:
//   absl::StatusOr<std::optional<WorkerEnvironment>> worker = read_worker_environment();
//   if (!worker.ok()) return fail(worker.status());
//   if (worker->has_value()) {
//     // A launcher (this library's, torchrun, mpirun) started this process as one of several.
//   }
//
// Not for the precision and the device, which have other variables (variable_names.h), also outside
// of a job.
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
  // The listening socket of the store, which rank 0 inherited; no value on other ranks, and if rank
  // 0 must open it.
  std::optional<int> store_fd = std::nullopt;
  // The states of the processes of this machine (rank_states.h); empty if no launcher has made
  // them.
  std::string rank_states = "";
  // Their flight record (launcher/flight_record); empty if no launcher has made one.
  std::string flight_record = "";
  // An agent outside of the job holds the store: rank 0 must connect to it too, and must not
  // listen.
  bool agent_store = false;
  // The secret of the attempt, with which all processes sign their values in the store; empty if
  // the launcher gives none.
  std::string store_secret = "";
  // How often all processes were restarted before. The store of an agent still has the values of
  // earlier attempts.
  int attempt = 0;

  bool operator==(const WorkerEnvironment&) const = default;
};

// Reads the place of this process. No value if it is not a worker: neither its rank nor the world
// size is set, and it is not a task of a SLURM step with several tasks (slurm_step.h). Each value
// is the first that is set of
//   RANK, PMI_RANK, OMPI_COMM_WORLD_RANK, MV2_COMM_WORLD_RANK
//   WORLD_SIZE, PMI_SIZE, OMPI_COMM_WORLD_SIZE, MV2_COMM_WORLD_SIZE
//   LOCAL_RANK, MPI_LOCALRANKID, OMPI_COMM_WORLD_LOCAL_RANK, MV2_COMM_WORLD_LOCAL_RANK
//   LOCAL_WORLD_SIZE, MPI_LOCALNRANKS, OMPI_COMM_WORLD_LOCAL_SIZE, MV2_COMM_WORLD_LOCAL_SIZE
//   MASTER_ADDR, MASTER_PORT, TORCHELASTIC_RESTART_COUNT, ACCELERATE_STORE_SECRET,
//   ACCELERATE_STORE_FD, ACCELERATE_RANK_STATES, ACCELERATE_FLIGHT_RECORD
// and otherwise what the SLURM step or Open MPI (open_mpi.h) says. Without any of these, all
// processes meet at 127.0.0.1:29500. All ranks are assumed to be on this machine if the main
// address is a loopback address; otherwise it is an error.
//
// A pod of a Kubernetes job (kubernetes_pod.h) is a worker if it has one process. A pod with
// several processes is not: it launches them.
//
// InvalidArgument names the variable with a bad value, and what to do. Safe from several threads as
// long as none writes the environment.
absl::StatusOr<std::optional<WorkerEnvironment>> read_worker_environment(
    const EnvironmentLookup& lookup = process_environment);

// The variables from which read_worker_environment() reads `worker`. Variables without a value in
// `worker` are unset, so that nothing of an outer job remains.
EnvironmentChanges worker_environment_changes(const WorkerEnvironment& worker);

// Writes worker_environment_changes() into this process's environment. Not thread-safe.
void export_worker_environment(const WorkerEnvironment& worker);

}  // namespace accelerate::launcher
