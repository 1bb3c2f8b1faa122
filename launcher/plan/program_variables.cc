#include "launcher/plan/program_variables.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

// A default of ours, which the user's own value beats.
void add_default(const std::string& name, const std::string& value, const EnvironmentLookup& lookup,
                 EnvironmentChanges& variables) {
  if (!lookup(name).has_value()) variables[name] = value;
}

void add_training(const LaunchPlan& plan, const EnvironmentLookup& lookup,
                  EnvironmentChanges& variables) {
  const bool on_cpu = plan.device == DeviceKind::kCpu;
  variables[kUseCpuVariable] = on_cpu ? "True" : "False";
  variables[kMixedPrecisionVariable] = precision_variable(plan);
  variables[kThreadsVariable] = absl::StrCat(plan.threads_per_process);
  // Python programs know which node their GPU is near to; on the CPU they have no say in it.
  if (!on_cpu && !plan.cpu_sets.empty()) variables[kCpuAffinityVariable] = "1";
  if (!on_cpu) return;
  add_default(kKmpBlockTimeVariable, "1", lookup, variables);
  const bool has_own_cores = plan.num_processes == 1 || !plan.cpu_sets.empty();
  if (!has_own_cores) return;
  add_default(kKmpAffinityVariable, "granularity=fine,compact,1,0", lookup, variables);
}

// All processes of a run have one role, and those of a machine are a group.
void add_torchrun(const LaunchPlan& plan, const WorkerPlace& place, const EnvironmentLookup& lookup,
                  EnvironmentChanges& variables) {
  variables[kRoleNameVariable] = plan.role;
  variables[kRoleRankVariable] = absl::StrCat(plan.rank_of(place.local_rank));
  variables[kRoleWorldSizeVariable] = absl::StrCat(plan.world_size());
  variables[kGroupRankVariable] = absl::StrCat(plan.machine_rank);
  variables[kGroupWorldSizeVariable] = absl::StrCat(plan.num_machines);
  variables[kRunIdVariable] = plan.run_id;
  // Rank 0 listens, and no agent.
  variables[kAgentStoreVariable] = "False";
  // Without a file of its own it must not overwrite that of an outer job.
  variables[kErrorFileVariable] = std::nullopt;
  if (!place.error_file.empty()) variables[kErrorFileVariable] = place.error_file;
  add_default(kNcclErrorHandlingVariable, "1", lookup, variables);
}

}  // namespace

bool needs_rendezvous(const LaunchPlan& plan, const Command& command) {
  return plan.is_multi_process() || plan.needs_rank || command.kind == ProgramKind::kExecutable;
}

EnvironmentChanges program_variables(const LaunchPlan& plan, const Command& command,
                                     const WorkerPlace& place, const StoreEndpoint& store,
                                     const EnvironmentLookup& lookup) {
  EnvironmentChanges variables;
  if (needs_rendezvous(plan, command)) {
    variables = worker_variables(plan, place, store);
    add_torchrun(plan, place, lookup, variables);
  }
  add_training(plan, lookup, variables);
  for (const auto& [name, value] : plan.environment) variables[name] = value;
  return variables;
}

}  // namespace accelerate::launcher
