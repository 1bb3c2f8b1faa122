// A launch on one machine of a job that a scheduler started and describes.
//
// Example:
//   absl::StatusOr<LaunchRequest> filled = complete_from_scheduler(request);
//   if (!filled.ok()) return fail(filled.status());
//   absl::StatusOr<CompletedRequest> completed = complete_request(*filled, process_environment);
//
// Not for the processes that train: worker_environment.h reads their place.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// Fills in num_machines, machine_rank, main_process_ip and main_process_port (in a pod also
// num_processes) where `request` has no value, if this process is one of
// - the pods of a Kubernetes job (kubernetes_pod.h);
// - the tasks of a SLURM step with one on each node (slurm_step.h);
// - the processes of mpirun, one on each host.
//
// Otherwise `request` is not changed.
//
// FailedPrecondition if several processes of one machine would each launch others: tasks of a step,
// processes of mpirun, workers of torchrun or of another launcher. Other errors are those of
// read_worker_environment().
absl::StatusOr<LaunchRequest> complete_from_scheduler(
    LaunchRequest request, const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
