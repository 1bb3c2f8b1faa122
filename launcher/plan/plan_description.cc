#include "launcher/plan/plan_description.h"

#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

std::string device(const LaunchPlan& plan, int rank) {
  return plan.device == DeviceKind::kCpu ? "CPU" : absl::StrCat("GPU ", rank);
}

std::string cpus(const LaunchPlan& plan, int rank) {
  return plan.cpu_sets.empty() ? "any" : cpu_list(plan.cpu_sets[rank]);
}

}  // namespace

std::string describe_plan(const LaunchPlan& plan, const Command& command,
                          const VariablesOf& variables_of) {
  std::string text = absl::StrCat(to_string(plan), "\n");
  for (int rank = 0; rank < plan.num_processes; ++rank) {
    absl::StrAppend(&text, "\nrank ", plan.rank_of(rank), "\n  command: ", to_string(command),
                    "\n  device:  ", device(plan, rank), "\n  CPUs:    ", cpus(plan, rank), "\n");
    EnvironmentChanges variables = variables_of(
        {.local_rank = rank}, {.address = plan.main_process_ip, .port = plan.main_process_port});
    variables.erase(kStoreFdVariable);
    variables.erase(kStoreSecretVariable);
    variables.erase(kEndedRanksVariable);
    for (const auto& [name, value] : variables) {
      const bool is_any_port = name == kMainPortVariable && value == "0";
      absl::StrAppend(&text, "  ",
                      !value.has_value() ? absl::StrCat(name, " is unset")
                      : is_any_port      ? absl::StrCat(name, "=(any free port)")
                                         : absl::StrCat(name, "=", *value),
                      "\n");
    }
  }
  return text;
}

}  // namespace accelerate::launcher
