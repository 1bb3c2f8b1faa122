#include "launcher/plan/defaults_remark.h"

#include "absl/strings/str_cat.h"
#include "launcher/names/command_name.h"

namespace accelerate::launcher {
namespace {

std::string values_without_file(const LaunchRequest& request, const LaunchPlan& plan) {
  const LaunchConfig& config = request.config;
  std::string lines;
  if (!config.num_processes.has_value() && !request.processes_per_machine.has_value()) {
    absl::StrAppend(&lines, "\t`--num_processes` was set to a value of `", plan.num_processes,
                    "`\n");
    if (plan.device == DeviceKind::kGpu && plan.is_multi_process() &&
        !config.distributed_type.has_value()) {
      absl::StrAppend(&lines, "\t\tMore than one GPU was found, enabling multi-GPU training.\n",
                      "\t\tIf this was unintended please pass in `--num_processes=1`.\n");
    }
  }
  if (!config.num_machines.has_value()) {
    absl::StrAppend(&lines, "\t`--num_machines` was set to a value of `1`\n");
  }
  if (!config.mixed_precision.has_value()) {
    absl::StrAppend(&lines, "\t`--mixed_precision` was set to a value of `'no'`\n");
  }
  if (!config.dynamo_config.contains("dynamo_backend")) {
    absl::StrAppend(&lines, "\t`--dynamo_backend` was set to a value of `'no'`\n");
  }
  return lines;
}

}  // namespace

std::string defaults_remark(const LaunchRequest& request, const LaunchPlan& plan) {
  std::string lines;
  if (!request.file.has_value()) lines = values_without_file(request, plan);
  if (!request.threads_per_process.has_value() && plan.device == DeviceKind::kCpu &&
      plan.threads_per_process > 1) {
    absl::StrAppend(&lines, "\t`--num_cpu_threads_per_process` was set to `",
                    plan.threads_per_process,
                    "` to improve out-of-box performance when training on CPUs\n");
  }
  if (lines.empty()) return "";
  return absl::StrCat(
      "The following values were not passed to `", command_name(),
      " launch` and had defaults used "
      "instead:\n",
      lines,
      "To avoid this warning pass in values for each of the problematic parameters or run "
      "`",
      command_name(), " config`.\n");
}

}  // namespace accelerate::launcher
