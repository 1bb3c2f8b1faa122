#include "launcher/plan/plan_description.h"

#include "absl/strings/str_cat.h"
#include "launcher/env/sharding.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

std::string device(const LaunchPlan& plan, int rank) {
  return plan.device == DeviceKind::kCpu ? "CPU" : absl::StrCat("GPU ", rank);
}

std::string cpus(const LaunchPlan& plan, int rank) {
  return plan.cpu_sets.empty() ? "any" : cpu_list(plan.cpu_sets[rank]);
}

// A line, and none where the launch does not decide it.
std::string sharding(const LaunchPlan& plan) {
  if (!plan.sharding.has_value()) return "";
  const std::string title = sharding_title(*plan.sharding);
  if (*plan.sharding == Sharding::kNone) {
    return absl::StrCat(title,
                        ": each process keeps all gradients and the whole optimizer's state\n");
  }
  return absl::StrCat(title, ": each process keeps the whole model and its part of the ",
                      *plan.sharding == Sharding::kZero2 ? "gradients and of the " : "",
                      "optimizer's state\n");
}

bool is_known_later(const LaunchPlan& plan, const std::string& variable) {
  if (variable == kRankVariable || variable == kRoleRankVariable) return !plan.knows_ranks();
  if (variable == kGroupRankVariable) return plan.is_numbered_by_arrival;
  return (variable == kWorldSizeVariable || variable == kRoleWorldSizeVariable) &&
         !plan.knows_world_size();
}

}  // namespace

std::string describe_plan(const LaunchPlan& plan, const Command& command,
                          const VariablesOf& variables_of) {
  std::string text = absl::StrCat(to_string(plan), "\n", sharding(plan));
  for (int rank = 0; rank < plan.num_processes; ++rank) {
    absl::StrAppend(&text,
                    plan.knows_ranks() ? absl::StrCat("\nrank ", plan.rank_of(rank))
                                       : absl::StrCat("\nlocal rank ", rank),
                    "\n  command: ", to_string(command), "\n  device:  ", device(plan, rank),
                    "\n  CPUs:    ", cpus(plan, rank), "\n");
    EnvironmentChanges variables = variables_of(
        {.local_rank = rank}, {.address = plan.main_process_ip, .port = plan.main_process_port});
    variables.erase(kStoreFdVariable);
    variables.erase(kStoreSecretVariable);
    variables.erase(kRankStatesVariable);
    variables.erase(kFlightRecordVariable);
    for (const auto& [name, value] : variables) {
      const bool is_any_port = name == kMainPortVariable && value == "0";
      const bool follows = value.has_value() && is_known_later(plan, name);
      absl::StrAppend(&text, "  ",
                      !value.has_value() ? absl::StrCat(name, " is unset")
                      : is_any_port      ? absl::StrCat(name, "=(any free port)")
                      : follows          ? absl::StrCat(name, "=(known when the machines have met)")
                                         : absl::StrCat(name, "=", *value),
                      "\n");
    }
  }
  return text;
}

}  // namespace accelerate::launcher
