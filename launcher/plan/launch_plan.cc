#include "launcher/plan/launch_plan.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/integer.h"
#include "launcher/env/truth_value.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

std::string counted(int number, const std::string& one, const std::string& many) {
  return absl::StrCat(number, " ", number == 1 ? one : many);
}

std::string visible_gpus(const Machine& machine) {
  return absl::StrCat("this machine has ", counted(machine.num_gpus, "GPU", "GPUs"),
                      " that CUDA shows (CUDA_VISIBLE_DEVICES can hide some)");
}

absl::StatusOr<MixedPrecision> choose_precision(const LaunchFlags& flags,
                                                const EnvironmentLookup& lookup) {
  if (flags.mixed_precision.has_value()) return *flags.mixed_precision;
  for (const std::string variable : {kMixedPrecisionVariable, kMixedPrecisionFallbackVariable}) {
    const std::optional<std::string> text = lookup(variable);
    if (!text.has_value()) continue;
    absl::StatusOr<MixedPrecision> precision = parse_mixed_precision(*text);
    if (precision.ok()) return precision;
    return absl::InvalidArgumentError(
        absl::StrCat(variable, "=", *text, ": ", precision.status().message()));
  }
  return MixedPrecision::kNo;
}

absl::StatusOr<DeviceKind> choose_device(const LaunchFlags& flags, const EnvironmentLookup& lookup,
                                         const Machine& machine) {
  const absl::StatusOr<bool> environment_wants_cpu = read_truth_value(kUseCpuVariable, lookup);
  if (!environment_wants_cpu.ok()) return environment_wants_cpu.status();
  if (flags.multi_gpu && (flags.cpu || *environment_wants_cpu)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "You can only use one of `--cpu`, `--multi_gpu` at a time; ",
        flags.cpu ? "leave one of them out."
                  : "ACCELERATE_USE_CPU is true, which is as good as --cpu: unset it."));
  }
  if (flags.cpu || *environment_wants_cpu || (machine.num_gpus == 0 && !flags.multi_gpu)) {
    return DeviceKind::kCpu;
  }
  return DeviceKind::kGpu;
}

absl::StatusOr<int> choose_num_processes(const LaunchFlags& flags, const Machine& machine,
                                         DeviceKind device) {
  if (device == DeviceKind::kCpu) return flags.num_processes.value_or(1);
  const int num_processes = flags.num_processes.value_or(machine.num_gpus);
  if (flags.multi_gpu && (machine.num_gpus < 2 || num_processes < 2)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "You need to use at least 2 processes to use `--multi_gpu`, each on a GPU of its own; ",
        visible_gpus(machine), ". ",
        machine.num_gpus < 2 ? "Leave out --multi_gpu." : "Pass --num_processes=2 or more."));
  }
  if (num_processes > machine.num_gpus) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--num_processes=", num_processes, " needs as many GPUs, but ", visible_gpus(machine),
        "; pass --num_processes=", machine.num_gpus, " or less, or --cpu to train on the CPU."));
  }
  return num_processes;
}

absl::StatusOr<int> choose_threads(const EnvironmentLookup& lookup, const Machine& machine,
                                   int num_processes) {
  if (const std::optional<std::string> text = lookup(kThreadsVariable)) {
    // OpenMP allows a list with a number for each level of nesting; the first is the outermost.
    return parse_integer(text->substr(0, text->find(',')),
                         {.name = kThreadsVariable,
                          .minimum = 1,
                          .remedy = "unset it to share the cores among the processes."});
  }
  return std::max(1, machine.num_cores / num_processes);
}

std::string bound_cpus(const LaunchPlan& plan) {
  std::string text;
  for (const CpuSet& cpus : plan.cpu_sets) {
    absl::StrAppend(&text, text.empty() ? ", on CPUs " : " | ", cpu_list(cpus));
  }
  return text;
}

std::string restarts(const LaunchPlan& plan) {
  if (plan.max_restarts == 0) return "";
  return absl::StrCat(", at most ", counted(plan.max_restarts, "restart", "restarts"));
}

std::string logs(const LaunchPlan& plan) {
  if (plan.output.log_dir.empty()) return "";
  return absl::StrCat(", output kept in ", plan.output.log_dir);
}

}  // namespace

std::string to_string(const LaunchPlan& plan) {
  const bool gpu = plan.device == DeviceKind::kGpu;
  return absl::StrCat(
      counted(plan.num_processes, "process", "processes"), " on ",
      !gpu                      ? "the CPU"
      : plan.is_multi_process() ? "a GPU each"
                                : "a GPU",
      " with ", counted(plan.threads_per_process, "thread", "threads"),
      plan.is_multi_process() ? " each" : "", ", mixed precision ",
      mixed_precision_name(plan.mixed_precision), ", ",
      plan.main_process_port == 0 ? "any free port" : absl::StrCat("port ", plan.main_process_port),
      bound_cpus(plan), restarts(plan), logs(plan));
}

absl::StatusOr<LaunchPlan> make_launch_plan(const LaunchFlags& flags,
                                            const EnvironmentLookup& lookup,
                                            const Machine& machine) {
  const absl::StatusOr<MixedPrecision> precision = choose_precision(flags, lookup);
  if (!precision.ok()) return precision.status();
  const absl::StatusOr<DeviceKind> device = choose_device(flags, lookup, machine);
  if (!device.ok()) return device.status();
  const absl::StatusOr<int> num_processes = choose_num_processes(flags, machine, *device);
  if (!num_processes.ok()) return num_processes.status();
  const absl::StatusOr<int> threads = choose_threads(lookup, machine, *num_processes);
  if (!threads.ok()) return threads.status();
  return LaunchPlan{.num_processes = *num_processes,
                    .mixed_precision = *precision,
                    .device = *device,
                    .main_process_port = flags.main_process_port.value_or(0),
                    .threads_per_process = *threads};
}

void bind_to_cores(const std::vector<CpuCore>& cores, LaunchPlan& plan) {
  plan.cpu_sets = share_cores(cores, plan.num_processes);
  for (const CpuSet& cpus : plan.cpu_sets) {
    plan.threads_per_process = std::min(plan.threads_per_process, static_cast<int>(cpus.size()));
  }
}

}  // namespace accelerate::launcher
