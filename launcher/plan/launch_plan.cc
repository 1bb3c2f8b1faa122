#include "launcher/plan/launch_plan.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/size_limits.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"
#include "launcher/plan/python_variables.h"
#include "launcher/request/output_plan.h"
#include "launcher/request/request_checks.h"
#include "launcher/request/sharding_request.h"

namespace accelerate::launcher {
namespace {

std::string counted(int number, const std::string& one, const std::string& many) {
  return absl::StrCat(number, " ", number == 1 ? one : many);
}

std::string visible_gpus(const Machine& machine) {
  return absl::StrCat("this machine has ", counted(machine.num_gpus, "GPU", "GPUs"),
                      " that CUDA shows (CUDA_VISIBLE_DEVICES can hide some)");
}

std::optional<MixedPrecision> choose_precision(const LaunchRequest& request, ProgramOrigin origin) {
  if (!request.config.mixed_precision.has_value()) {
    if (origin == ProgramOrigin::kHere) return std::nullopt;
    return MixedPrecision::kNo;
  }
  // python_variables() says it.
  if (request.config.mixed_precision == MixedPrecision::kFp8) return std::nullopt;
  return request.config.mixed_precision;
}

bool is_multi_gpu(const LaunchRequest& request) {
  return request.config.distributed_type == DistributedType::kMultiGpu;
}

// Python's FSDP, DeepSpeed and Megatron-LM are parts of torch.distributed, for one process too.
bool needs_rank(const LaunchRequest& request) {
  const auto& type = request.config.distributed_type;
  return type == DistributedType::kFsdp || type == DistributedType::kDeepspeed ||
         type == DistributedType::kMegatronLm;
}

DeviceKind choose_device(const LaunchRequest& request, const Machine& machine) {
  const bool on_cpu =
      request.config.wants_cpu() || (machine.num_gpus == 0 && !is_multi_gpu(request));
  return on_cpu ? DeviceKind::kCpu : DeviceKind::kGpu;
}

// The value of CUDA_VISIBLE_DEVICES; nothing where all GPUs are welcome.
std::optional<std::string> chosen_gpus(const LaunchConfig& config) {
  return config.gpu_ids == "all" ? std::nullopt : config.gpu_ids;
}

// The processes are counted on all machines: each may have one GPU.
absl::Status check_multi_gpu(const LaunchRequest& request, const Machine& machine,
                             int num_processes) {
  const int num_machines = request.config.num_machines.value_or(1);
  const std::string ids = chosen_gpus(request.config).value_or("");
  const bool is_one = !ids.empty() && !absl::StrContains(ids, ',');
  if (is_one && (num_machines == 1 || num_processes > 1)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Less than two GPU ids were configured (", ids, ") and tried to run on multiple GPUs. ",
        "Please ensure at least two are specified for `--gpu_ids`, or use `--gpu_ids='all'`."));
  }
  const bool has_gpus = machine.num_gpus >= 2 || num_machines > 1 || request.dry_run;
  if (has_gpus && num_processes * num_machines >= 2) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "You need to use at least 2 processes to use `--multi_gpu`, each on a GPU of its own; ",
      visible_gpus(machine), ". ",
      machine.num_gpus < 2
          ? "Leave out --multi_gpu (or `distributed_type: MULTI_GPU`), or pass --cpu; a plan for "
            "another machine (--dry_run, --print) needs --num_processes."
          : "Pass --num_processes=2 or more."));
}

// Far more than help or tests need, and fewer than stall a machine: 32 take turns on a core, and 16
// MiB are less than a small program takes.
int most_processes(const Machine& machine) {
  constexpr std::int64_t kForEachCore = 32;
  constexpr std::int64_t kOnAnyCores = 512;
  constexpr std::uint64_t kBytesForEach = 16 << 20;
  constexpr std::uint64_t kInAnyMemory = 64;
  const std::int64_t by_cores = std::max(kOnAnyCores, kForEachCore * machine.num_cores);
  const std::uint64_t by_memory =
      machine.memory_bytes == 0 ? kMostProcesses
                                : std::max(kInAnyMemory, machine.memory_bytes / kBytesForEach);
  return static_cast<int>(
      std::min({by_cores, static_cast<std::int64_t>(by_memory), std::int64_t{kMostProcesses}}));
}

// By which somebody says how many processes there are.
std::string flag_of_number(const LaunchRequest& request) {
  return request.processes_per_machine.has_value() ? "--nproc_per_node=" : "--num_processes=";
}

absl::Status check_room(const LaunchRequest& request, const Machine& machine, int num_processes) {
  const int most = most_processes(machine);
  if (request.oversubscribe || num_processes <= most) return absl::OkStatus();
  constexpr std::uint64_t kMebibyte = 1 << 20;
  return absl::FailedPreconditionError(absl::StrCat(
      num_processes, " processes are too many for this machine, which has ",
      counted(machine.num_cores, "core", "cores"), " and ", machine.memory_bytes / kMebibyte,
      " MiB of memory; pass ", flag_of_number(request), most,
      " or fewer for each machine, or --oversubscribe to start them anyway."));
}

// Of this machine.
absl::StatusOr<int> choose_num_processes(const LaunchRequest& request, const Machine& machine,
                                         DeviceKind device) {
  const int num_machines = request.config.num_machines.value_or(1);
  std::optional<int> wanted = request.processes_per_machine;
  if (!wanted.has_value() && request.config.num_processes.has_value()) {
    wanted = std::max(1, *request.config.num_processes / num_machines);
  }
  if (!wanted.has_value() && request.file.has_value()) {
    if (request.file->distributed_type == DistributedType::kNo && !is_multi_gpu(request)) return 1;
    return absl::InvalidArgumentError(
        "You need to manually pass in `--num_processes` using this config yaml.");
  }
  const int number = wanted.value_or(device == DeviceKind::kCpu ? 1 : machine.num_gpus);
  if (std::int64_t{number} * num_machines > kMostProcesses) {
    return absl::InvalidArgumentError(absl::StrCat(
        counted(number, "process", "processes"), " on each of ", num_machines,
        " machines are more than ", kMostProcesses, " together; correct one of the numbers."));
  }
  const absl::Status room = check_room(request, machine, wanted.value_or(1));
  if (!room.ok()) return room;
  if (device == DeviceKind::kCpu) return number;
  if (is_multi_gpu(request)) {
    const absl::Status status = check_multi_gpu(request, machine, number);
    if (!status.ok()) return status;
  }
  // What is only shown may be for another machine.
  if (number > machine.num_gpus && !request.dry_run) {
    const std::string flag = flag_of_number(request);
    return absl::FailedPreconditionError(
        absl::StrCat(flag, number, " needs as many GPUs, but ", visible_gpus(machine), "; pass ",
                     flag, machine.num_gpus, " or fewer, or --cpu to train on the CPU."));
  }
  return number;
}

// Several machines must know the port before one of them has found a free one, where each has a
// launcher.
void choose_meeting_place(const LaunchConfig& config, LaunchPlan& plan) {
  plan.num_machines = config.num_machines.value_or(1);
  const bool several = plan.num_machines > 1;
  const bool starts_all = config.mpirun_hostfile().has_value();
  if (several) {
    plan.machine_rank = starts_all ? 0 : config.machine_rank.value_or(0);
    plan.is_numbered_by_arrival = !starts_all && !config.machine_rank.has_value();
    plan.counts_own_processes = !starts_all && !config.num_processes.has_value();
    const int all = config.num_processes.value_or(plan.num_machines);
    if (starts_all && all % plan.num_machines != 0) plan.ranks = Ranks{.world_size = all};
  }
  if (several || starts_all)
    plan.main_process_ip = config.main_process_ip.value_or(plan.main_process_ip);
  plan.main_process_port =
      config.main_process_port.value_or(several && !starts_all ? WorkerEnvironment().main_port : 0);
}

int choose_threads(const LaunchRequest& request, ProgramOrigin origin, const Machine& machine,
                   const LaunchPlan& plan) {
  if (request.threads_per_process.has_value()) return *request.threads_per_process;
  if (plan.device == DeviceKind::kGpu && origin == ProgramOrigin::kElsewhere) return 1;
  return std::max(1, machine.num_cores / plan.num_processes);
}

// Batches of each step, where a program built here is told so: by the flag, or in the words of
// DeepSpeed by its section.
std::optional<std::string> accumulation_steps(const LaunchRequest& request,
                                              const ShardingRequest& sharding,
                                              const EnvironmentLookup& lookup) {
  if (request.accumulation_steps.has_value()) return request.accumulation_steps;
  const ConfigSection& section = request.config.deepspeed_config;
  const auto found = section.find("gradient_accumulation_steps");
  const bool counts = sharding.way == ShardingWay::kDeepspeed && found != section.end() &&
                      found->second != "auto" && !lookup(kAccumulationStepsVariable).has_value();
  return counts ? std::optional<std::string>(found->second) : std::nullopt;
}

absl::StatusOr<EnvironmentChanges> choose_environment(const LaunchRequest& request,
                                                      ProgramOrigin origin,
                                                      const ShardingRequest& sharding,
                                                      const EnvironmentLookup& lookup) {
  EnvironmentChanges variables;
  const LaunchConfig& config = request.config;
  if (const auto gpus = chosen_gpus(config)) variables[kVisibleGpusVariable] = *gpus;
  if (config.debug.value_or(false)) variables[kDebugModeVariable] = "true";
  if (origin == ProgramOrigin::kHere) {
    variables.insert(sharding.variables.begin(), sharding.variables.end());
    if (const auto steps = accumulation_steps(request, sharding, lookup)) {
      variables[kAccumulationStepsVariable] = *steps;
    }
    return variables;
  }
  absl::StatusOr<EnvironmentChanges> features = python_variables(request, lookup);
  if (features.ok()) variables.merge(*features);
  return features.ok() ? variables : features;
}

std::vector<std::string> make_remarks(const LaunchRequest& request, ProgramOrigin origin,
                                      const Machine& machine, const LaunchPlan& plan,
                                      const EnvironmentLookup& lookup) {
  std::vector<std::string> remarks;
  const bool on_gpus = plan.device == DeviceKind::kGpu;
  if (on_gpus && plan.num_processes > machine.num_gpus) {
    remarks.push_back(absl::StrCat("This plan is for a machine with ",
                                   counted(plan.num_processes, "GPU", "GPUs"), "; ",
                                   visible_gpus(machine), ", and would start nothing."));
    return remarks;
  }
  if (plan.is_sharded() && plan.knows_world_size() && !plan.is_multi_process()) {
    remarks.push_back(absl::StrCat(
        sharding_title(*plan.sharding),
        " has no effect in one process, which keeps everything; start more, for example with ",
        flag_of_number(request), "2."));
  }
  const bool is_for_gpus = origin == ProgramOrigin::kElsewhere && needs_rank(request);
  if (is_for_gpus && !on_gpus && !request.config.wants_cpu()) {
    remarks.push_back(absl::StrCat(
        "`distributed_type: ", to_string(*request.config.distributed_type), "` is for GPUs; ",
        visible_gpus(machine), ", and the processes start on the CPU, as with --cpu."));
  }
  const std::optional<std::string> ids = chosen_gpus(request.config);
  // What the environment hides is nobody's wish of this launch, and --cpu overrides a file.
  const bool is_of_file = request.file.has_value() && request.file->gpu_ids == ids;
  if (!ids.has_value() || ids == lookup(kVisibleGpusVariable) ||
      (request.is_cpu_typed && is_of_file)) {
    return remarks;
  }
  if (request.config.wants_cpu()) {
    remarks.push_back(absl::StrCat("gpu_ids=", *ids, " has no effect on the CPU and is ignored."));
    return remarks;
  }
  const std::vector<std::string> list = absl::StrSplit(*ids, ',', absl::SkipWhitespace());
  const int listed = static_cast<int>(list.size());
  if (machine.num_gpus < listed) {
    remarks.push_back(absl::StrCat("gpu_ids=", *ids, " names ", counted(listed, "GPU", "GPUs"),
                                   ", of which CUDA shows ", machine.num_gpus, " to the program",
                                   on_gpus ? "" : ", which trains on the CPU",
                                   "; check nvidia-smi, and correct the list or leave it out."));
  }
  return remarks;
}

std::string bound_cpus(const LaunchPlan& plan) {
  std::string text;
  for (const CpuSet& cpus : plan.cpu_sets) {
    absl::StrAppend(&text, text.empty() ? ", on CPUs " : " | ", cpu_list(cpus));
  }
  return text;
}

std::string meeting_place(const LaunchPlan& plan) {
  if (plan.is_numbered_by_arrival) {
    return absl::StrCat("one of ", plan.num_machines, " machines, numbered as they arrive at ",
                        plan.main_process_ip, " port ", plan.main_process_port);
  }
  if (plan.num_machines > 1) {
    return absl::StrCat("machine ", plan.machine_rank, " of ", plan.num_machines,
                        plan.knows_ranks()
                            ? absl::StrCat(" with the ranks ", plan.rank_of(0), " to ",
                                           plan.rank_of(plan.num_processes - 1))
                            : ", whose ranks are known when all have met",
                        ", at ", plan.main_process_ip, " port ", plan.main_process_port);
  }
  if (plan.main_process_port == 0) return "any free port";
  return absl::StrCat("port ", plan.main_process_port);
}

std::string restarts(const LaunchPlan& plan) {
  if (plan.max_restarts == 0) return "";
  return absl::StrCat(", at most ", counted(plan.max_restarts, "restart", "restarts"));
}

std::string logs(const LaunchPlan& plan) {
  if (plan.output.log_dir.empty()) return "";
  return absl::StrCat(", output kept in ", plan.output.log_dir);
}

std::string precision(const LaunchPlan& plan) {
  if (plan.mixed_precision.has_value()) {
    return absl::StrCat("mixed precision ", to_string(*plan.mixed_precision));
  }
  // Some are for programs from elsewhere alone.
  const auto variable = plan.environment.find(kMixedPrecisionVariable);
  if (variable == plan.environment.end() || !variable->second.has_value()) {
    return "the program's precision";
  }
  return absl::StrCat("mixed precision ", *variable->second);
}

}  // namespace

std::string to_string(const LaunchPlan& plan) {
  const bool gpu = plan.device == DeviceKind::kGpu;
  return absl::StrCat(counted(plan.num_processes, "process", "processes"), " on ",
                      !gpu                     ? "the CPU"
                      : plan.num_processes > 1 ? "a GPU each"
                                               : "a GPU",
                      " with ", counted(plan.threads_per_process, "thread", "threads"),
                      plan.num_processes > 1 ? " each" : "", ", ", precision(plan), ", ",
                      plan.sharding.has_value() ? sharding_title(*plan.sharding) + ", " : "",
                      meeting_place(plan), bound_cpus(plan), restarts(plan), logs(plan));
}

Machine read_machine_for(const LaunchRequest& request) {
  const std::optional<std::string> gpus =
      request.config.wants_cpu() ? "" : chosen_gpus(request.config);
  return read_machine([&gpus](const std::string& name) {
    return name == kVisibleGpusVariable && gpus.has_value() ? gpus : process_environment(name);
  });
}

absl::StatusOr<LaunchPlan> make_launch_plan(const LaunchRequest& request, ProgramOrigin origin,
                                            const Machine& machine,
                                            const EnvironmentLookup& lookup) {
  const absl::Status status = check_request(request, origin);
  if (!status.ok()) return status;
  const absl::StatusOr<ShardingRequest> sharding =
      origin == ProgramOrigin::kHere ? read_sharding_request(request) : ShardingRequest();
  if (!sharding.ok()) return sharding.status();
  LaunchPlan plan = {.mixed_precision = choose_precision(request, origin),
                     .sharding = sharding->sharding,
                     .device = choose_device(request, machine),
                     .rendezvous = request.rendezvous,
                     .max_restarts = request.max_restarts,
                     .grace_period = request.grace_period,
                     .hang_timeout = request.hang_timeout,
                     .role = request.role,
                     .run_id = request.run_id,
                     .arguments = request.program.arguments,
                     .quiet = request.quiet,
                     .output = request.output,
                     .needs_rank = needs_rank(request)};
  const absl::StatusOr<int> num_processes = choose_num_processes(request, machine, plan.device);
  if (!num_processes.ok()) return num_processes.status();
  plan.num_processes = *num_processes;
  choose_meeting_place(request.config, plan);
  // Of machines that differ, one may have none of the ranks that are to be shown.
  const absl::Status shown = plan.counts_own_processes
                                 ? absl::OkStatus()
                                 : check_shown_ranks(plan.output, plan.num_processes);
  if (!shown.ok()) return shown;
  plan.threads_per_process = choose_threads(request, origin, machine, plan);
  absl::StatusOr<EnvironmentChanges> environment =
      choose_environment(request, origin, *sharding, lookup);
  if (!environment.ok()) return environment.status();
  plan.environment = *std::move(environment);
  plan.remarks = make_remarks(request, origin, machine, plan, lookup);
  // Of machines that differ, others may have them.
  if (!plan.counts_own_processes) {
    const std::string absent =
        absent_ranks_remark(plan.output, plan.num_processes, plan.world_size());
    if (!absent.empty()) plan.remarks.push_back(absent);
  }
  if (request.config.enable_cpu_affinity.value_or(false)) bind_to_cores(read_cpu_cores(), plan);
  return plan;
}

void bind_to_cores(const std::vector<CpuCore>& cores, LaunchPlan& plan) {
  plan.cpu_sets = share_cores(cores, plan.num_processes);
  for (const CpuSet& cpus : plan.cpu_sets) {
    plan.threads_per_process = std::min(plan.threads_per_process, static_cast<int>(cpus.size()));
  }
}

}  // namespace accelerate::launcher
