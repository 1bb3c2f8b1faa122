// The place of this pod in a job of Kubeflow's training operator, such as a PyTorchJob.
//
// Example:
//   absl::StatusOr<std::optional<KubernetesPod>> pod = read_kubernetes_pod();
//   if (pod.ok() && pod->has_value()) std::cout << "pod " << (*pod)->rank << "\n";
//
// Not for the processes that are started in a pod: those have a LOCAL_RANK, and
// worker_environment.h reads their place.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/meeting_place.h"

namespace accelerate::launcher {

struct KubernetesPod {
  int rank = 0;  // Among the pods, from 0.
  int num_pods = 1;
  // Processes to start in this pod; no value if the job leaves it to the machine (`auto`, `gpu`,
  // `cpu`).
  std::optional<int> num_processes = 1;
  MeetingPlace main;

  bool operator==(const KubernetesPod&) const = default;
};

// Reads PET_NODE_RANK, PET_NNODES, PET_NPROC_PER_NODE, and where to meet from MASTER_ADDR and
// MASTER_PORT. No value if PET_NODE_RANK is not set, or LOCAL_RANK is.
//
// InvalidArgument names the variable with a bad value; Unimplemented if the number of pods is not
// fixed, or pods have no ranks. Safe from several threads if none writes the environment.
absl::StatusOr<std::optional<KubernetesPod>> read_kubernetes_pod(
    const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
