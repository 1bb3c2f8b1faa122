#include "launcher/plan/worker_variables.h"

#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"

namespace accelerate::launcher {

std::optional<std::string> precision_variable(const LaunchPlan& plan) {
  if (!plan.mixed_precision.has_value()) return std::nullopt;
  return to_string(*plan.mixed_precision);
}

EnvironmentChanges worker_variables(const LaunchPlan& plan, const WorkerPlace& place,
                                    const StoreEndpoint& store) {
  EnvironmentChanges variables = worker_environment_changes(
      {.rank = plan.rank_of(place.local_rank),
       .world_size = plan.world_size(),
       .local_rank = place.local_rank,
       .local_world_size = plan.num_processes,
       .main_address = store.address,
       .main_port = store.port,
       .store_fd = place.local_rank == 0 ? store.listening_fd : std::nullopt,
       .rank_states = place.rank_states,
       .flight_record = place.flight_record,
       .store_secret = store.secret,
       .attempt = place.attempt});
  variables[kMixedPrecisionVariable] = precision_variable(plan);
  variables[kUseCpuVariable] = plan.device == DeviceKind::kCpu ? "True" : "False";
  variables[kThreadsVariable] = absl::StrCat(plan.threads_per_process);
  variables[kMaxRestartsVariable] = absl::StrCat(plan.max_restarts);
  for (const auto& [name, value] : plan.environment) variables[name] = value;
  return variables;
}

}  // namespace accelerate::launcher
