#include "launcher/plan/worker_variables.h"

#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"

namespace accelerate::launcher {

EnvironmentChanges worker_variables(const LaunchPlan& plan, int rank, const StoreEndpoint& store) {
  EnvironmentChanges variables =
      worker_environment_changes({.rank = rank,
                                  .world_size = plan.num_processes,
                                  .local_rank = rank,
                                  .local_world_size = plan.num_processes,
                                  .main_address = store.address,
                                  .main_port = store.port,
                                  .store_fd = rank == 0 ? store.listening_fd : std::nullopt});
  variables[kMixedPrecisionVariable] = mixed_precision_name(plan.mixed_precision);
  variables[kUseCpuVariable] = plan.device == DeviceKind::kCpu ? "True" : "False";
  variables[kThreadsVariable] = absl::StrCat(plan.threads_per_process);
  return variables;
}

}  // namespace accelerate::launcher
