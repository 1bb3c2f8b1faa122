#include "launcher/cluster/job_machine.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/kubernetes_pod.h"
#include "launcher/env/meeting_place.h"
#include "launcher/env/size_limits.h"
#include "launcher/env/slurm_step.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"
#include "launcher/names/command_name.h"

namespace accelerate::launcher {
namespace {

struct JobMachine {
  int rank = 0;
  int num_machines = 1;
  std::optional<int> num_processes = std::nullopt;  // Of each machine.
  MeetingPlace main;
};

absl::Status would_multiply(const std::string& who, const std::string& remedy) {
  return absl::FailedPreconditionError(
      absl::StrCat(who, ", each of which would start processes of its own; ", remedy));
}

// RANK alone may be a number that somebody gave this machine; a launcher gives LOCAL_RANK as well.
absl::Status check_no_worker(const EnvironmentLookup& lookup) {
  const std::string world_size = lookup(kWorldSizeVariable).value_or("1");
  if (!lookup(kLocalRankVariable).has_value() || world_size == "1") return absl::OkStatus();
  return would_multiply(
      absl::StrCat("another launcher, such as torchrun, has started this process as rank ",
                   lookup(kRankVariable).value_or("?"), " of ", world_size, " processes"),
      absl::StrCat(
          "let that launcher start the program itself (torchrun --no-python PROGRAM), or start ",
          command_name(), " launch without it."));
}

absl::StatusOr<std::optional<JobMachine>> machine_of_slurm(const SlurmStep& step) {
  if (step.num_tasks == 1) return std::nullopt;
  if (step.num_tasks > step.num_nodes) {
    return would_multiply(absl::StrCat("srun has started ", step.num_tasks, " tasks on ",
                                       step.num_nodes, step.num_nodes == 1 ? " node" : " nodes"),
                          absl::StrCat("start ", command_name(),
                                       " launch once on each node (srun --ntasks-per-node=1), or "
                                       "the program itself with srun."));
  }
  return JobMachine{.rank = step.task, .num_machines = step.num_tasks, .main = step.main};
}

absl::StatusOr<std::optional<JobMachine>> machine_of_mpi(const WorkerEnvironment& worker) {
  if (worker.world_size == 1) return std::nullopt;
  if (worker.local_world_size > 1) {
    return would_multiply(
        absl::StrCat("mpirun has started ", worker.local_world_size, " processes on this host"),
        absl::StrCat(
            "start ", command_name(),
            " launch once on each host (mpirun --npernode 1), or the program itself with mpirun."));
  }
  return JobMachine{.rank = worker.rank,
                    .num_machines = worker.world_size,
                    .main = {worker.main_address, worker.main_port}};
}

bool is_of_mpi(const EnvironmentLookup& lookup) {
  return lookup("OMPI_COMM_WORLD_RANK").has_value() || lookup("MV2_COMM_WORLD_RANK").has_value() ||
         lookup("MPI_LOCALRANKID").has_value();
}

absl::StatusOr<std::optional<JobMachine>> find_machine(const EnvironmentLookup& lookup) {
  const absl::StatusOr<std::optional<KubernetesPod>> pod = read_kubernetes_pod(lookup);
  if (!pod.ok()) return pod.status();
  if (pod->has_value()) {
    return JobMachine{.rank = (*pod)->rank,
                      .num_machines = (*pod)->num_pods,
                      .num_processes = (*pod)->num_processes,
                      .main = (*pod)->main};
  }
  if (lookup(kRankVariable).has_value()) {
    const absl::Status status = check_no_worker(lookup);
    if (!status.ok()) return status;
    return std::nullopt;
  }
  if (is_of_mpi(lookup)) {
    const absl::StatusOr<std::optional<WorkerEnvironment>> worker = read_worker_environment(lookup);
    if (!worker.ok()) return worker.status();
    if (worker->has_value()) return machine_of_mpi(**worker);
  }
  const absl::StatusOr<std::optional<SlurmStep>> step = read_slurm_step(lookup);
  if (!step.ok()) return step.status();
  if (!step->has_value()) return std::nullopt;
  return machine_of_slurm(**step);
}

}  // namespace

absl::StatusOr<LaunchRequest> complete_from_scheduler(LaunchRequest request,
                                                      const EnvironmentLookup& lookup) {
  const absl::StatusOr<std::optional<JobMachine>> machine = find_machine(lookup);
  if (!machine.ok()) return machine.status();
  if (!machine->has_value()) return request;
  const JobMachine& found = **machine;
  LaunchConfig& config = request.config;
  config.num_machines = config.num_machines.value_or(found.num_machines);
  config.machine_rank = config.machine_rank.value_or(found.rank);
  const bool is_counted =
      config.num_processes.has_value() || request.processes_per_machine.has_value();
  if (!is_counted && found.num_processes.has_value()) {
    const std::int64_t all = std::int64_t{*found.num_processes} * *config.num_machines;
    if (all > kMostProcesses) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--num_machines=", *config.num_machines, " with the ", *found.num_processes,
          " processes of each pod are more than ", kMostProcesses, "; correct the number."));
    }
    config.num_processes = static_cast<int>(all);
  }
  // One machine meets where it likes.
  if (*config.num_machines == 1) return request;
  config.main_process_ip = config.main_process_ip.value_or(found.main.address);
  config.main_process_port = config.main_process_port.value_or(found.main.port);
  return request;
}

}  // namespace accelerate::launcher
