#include "launcher/request/request_checks.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/config/launch_config.h"
#include "launcher/config/launch_types.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/posix/address.h"
#include "launcher/request/flag_table.h"
#include "launcher/request/sharding_request.h"

namespace accelerate::launcher {
namespace {

absl::Status refused(const std::string& what, const std::string& remedy) {
  return absl::UnimplementedError(absl::StrCat(what, "; ", remedy));
}

absl::Status check_type(const LaunchConfig& config) {
  // On the CPU it does not matter which devices a file would have had.
  if (config.use_cpu.value_or(false)) return absl::OkStatus();
  const DistributedType type = config.distributed_type.value_or(DistributedType::kNo);
  switch (type) {
    case DistributedType::kNo:
    case DistributedType::kMultiCpu:
    case DistributedType::kMultiGpu:
    case DistributedType::kFsdp:
    case DistributedType::kDeepspeed:
    case DistributedType::kMegatronLm:
      return absl::OkStatus();
    default:
      return refused(
          absl::StrCat(type == DistributedType::kXla ? "`--tpu` (or " : "", "`distributed_type: ",
                       to_string(type), "`", type == DistributedType::kXla ? ")" : "",
                       " asks for devices that this launcher does not support"),
          "it starts programs on the CPU and on NVIDIA GPUs: pass --cpu, or --multi_gpu.");
  }
}

// The flags of Python's launcher contradict each other. Programs built here shard on the CPU, too.
absl::Status check_for_program_of_python(const LaunchRequest& request) {
  if (!request.is_cpu_typed) return absl::OkStatus();
  const DistributedType type = request.config.distributed_type.value_or(DistributedType::kNo);
  const bool is_fsdp = type == DistributedType::kFsdp;
  if (!is_fsdp && type != DistributedType::kDeepspeed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("You can only use one of `--cpu`, `--", is_fsdp ? "use_fsdp" : "use_deepspeed",
                   "` at a time, except with a program built here; leave out the other."));
}

absl::Status missing_for_machines(const std::string& flag, const std::string& remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("--num_machines above 1 needs --", flag, "; ", remedy));
}

// Each machine must say the same, but for its own number.
absl::Status check_several_machines(const LaunchRequest& request) {
  const LaunchConfig& config = request.config;
  const int num_machines = *config.num_machines;
  // mpirun starts the processes of all machines from one.
  const bool starts_all = config.mpirun_hostfile().has_value();
  const bool needs_rank = !starts_all && config.rdzv_backend != "c10d";
  if (needs_rank && !config.machine_rank.has_value()) {
    return missing_for_machines(
        "machine_rank",
        absl::StrCat("pass this machine's number, 0 for the main one to ", num_machines - 1,
                     ", or --rdzv_backend=c10d to have them numbered."));
  }
  if (!starts_all && config.machine_rank.value_or(0) >= num_machines) {
    return absl::InvalidArgumentError(absl::StrCat("--machine_rank=", *config.machine_rank,
                                                   " is not below --num_machines=", num_machines,
                                                   "; machines count from 0."));
  }
  if (!config.main_process_ip.has_value()) {
    return missing_for_machines("main_process_ip",
                                "pass the address of machine 0, the same on all machines.");
  }
  if (config.main_process_port == 0) {
    return missing_for_machines("main_process_port",
                                "pass one that is free on machine 0; the other machines cannot "
                                "know which port 0 would become.");
  }
  // mpirun may fill hosts that differ.
  if (!starts_all && config.num_processes.value_or(num_machines) % num_machines != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--num_processes=", *config.num_processes, " counts the processes of all ", num_machines,
        " machines, and cannot be divided among them; pass a multiple, or pass --nproc_per_node on "
        "each machine."));
  }
  return absl::OkStatus();
}

absl::Status check_machines(const LaunchRequest& request) {
  const LaunchConfig& config = request.config;
  const std::string backend = config.rdzv_backend.value_or("static");
  if (absl::StartsWith(backend, "etcd")) {
    return refused(absl::StrCat("--rdzv_backend=", backend, " is not supported: machines meet at ",
                                "a launcher, not at a separate server"),
                   "choose one of static, c10d, and pass --main_process_ip.");
  }
  if (backend != "static" && backend != "c10d") {
    return refused(absl::StrCat("--rdzv_backend=", backend, " is not supported"),
                   "choose one of static, c10d.");
  }
  if (config.num_machines.value_or(1) > 1) return check_several_machines(request);
  return absl::OkStatus();
}

bool asks_for_parallelism(const LaunchRequest& request) {
  if (request.uses_parallelism_config) return true;
  for (const auto& [key, value] : request.config.parallelism_config) {
    if (absl::EndsWith(key, "_size") && value != "1") return true;
  }
  return false;
}

absl::Status check_for_program_built_here(const LaunchRequest& request) {
  const LaunchConfig& config = request.config;
  const auto lacks = [](const std::string& feature) {
    return absl::StrCat("a program built here has no ", feature);
  };
  const DistributedType type = config.distributed_type.value_or(DistributedType::kNo);
  if (type == DistributedType::kMegatronLm) {
    const bool is_of_file = request.file.has_value() && request.file->distributed_type == type;
    const std::string remedy =
        is_of_file ? "pass --multi_gpu or --cpu, or write MULTI_GPU or MULTI_CPU for "
                     "`distributed_type: MEGATRON_LM` in the config file"
                   : "leave out --use_megatron_lm";
    return refused(lacks("Megatron-LM"), absl::StrCat("only Python programs can use it; ", remedy,
                                                      " to train on whole copies."));
  }
  const absl::StatusOr<ShardingRequest> sharding = read_sharding_request(request);
  if (!sharding.ok()) return sharding.status();
  if (asks_for_parallelism(request)) {
    return refused(lacks("parallelism other than data parallelism"),
                   "leave out --use_parallelism_config and `parallelism_config`.");
  }
  if (config.mixed_precision == MixedPrecision::kFp8) {
    return refused("--mixed_precision=fp8 is not supported by a program built here",
                   "choose one of no, fp16, bf16.");
  }
  return absl::OkStatus();
}

// Whether the section asks for something: what Python's questions write by default does not.
bool asks_for_something(const ConfigSection& section) {
  return std::any_of(section.begin(), section.end(), [](const auto& entry) {
    for (const char* idle : {"no", "false", "default"}) {
      if (absl::EqualsIgnoreCase(entry.second, idle)) return false;
    }
    return !absl::EndsWith(entry.first, "_size") || entry.second != "1";
  });
}

// Sections that only say how a feature works which was not asked for, or which is refused.
std::vector<std::string> idle_sections(const LaunchRequest& request) {
  const LaunchConfig& config = request.config;
  const absl::StatusOr<ShardingRequest> sharding = read_sharding_request(request);
  const ShardingWay way = sharding.ok() ? sharding->way : ShardingWay::kNone;
  std::vector<std::string> names;
  if (asks_for_something(config.dynamo_config)) names.push_back("dynamo_config (--dynamo_…)");
  // Where it is wrong, that is said.
  if (!config.fsdp_config.empty() && sharding.ok() && way != ShardingWay::kFsdp) {
    names.push_back("fsdp_config (--fsdp_…) without --use_fsdp");
  }
  if (asks_for_something(config.parallelism_config)) {
    names.push_back("parallelism_config (--parallelism_config_…)");
  }
  const std::size_t used = request.accumulation_steps.has_value() ? 1 : 0;
  if (config.deepspeed_config.size() > used && sharding.ok() && way != ShardingWay::kDeepspeed) {
    names.push_back("deepspeed_config (--zero_stage, …) without --use_deepspeed");
  }
  if (!config.megatron_lm_config.empty()) {
    names.push_back("megatron_lm_config (--megatron_lm_…)");
  }
  if (!config.fp8_config.empty()) names.push_back("fp8_config (--fp8_…)");
  return names;
}

std::string ignored(const std::vector<std::string>& names, const std::string& to_whom) {
  return absl::StrCat(absl::StrJoin(names, ", "), names.size() == 1 ? " has" : " have",
                      " no effect ", to_whom, " and ", names.size() == 1 ? "is" : "are",
                      " ignored.");
}

// Somebody who forgot --num_machines starts a job of its own on each machine.
std::vector<std::string> idle_on_one_machine(const LaunchConfig& config) {
  const bool mpirun_numbers = config.mpirun_hostfile().has_value();
  if (config.num_machines.value_or(1) > 1 || mpirun_numbers) return {};
  std::vector<std::string> names;
  if (config.machine_rank.value_or(0) != 0) names.push_back("machine_rank");
  if (!is_loopback(config.main_process_ip.value_or("localhost"))) {
    names.push_back("main_process_ip");
  }
  return names;
}

// "--tee, --role are ignored: ", or nothing.
std::string ignored_under(Decider decider, const LaunchRequest& request) {
  const std::vector<std::string> names = ignored_flags(decider, request);
  if (names.empty()) return "";
  return absl::StrCat(absl::StrJoin(names, ", "), names.size() == 1 ? " is" : " are", " ignored: ");
}

}  // namespace

absl::Status check_request(const LaunchRequest& request, ProgramOrigin origin) {
  absl::Status status = check_type(request.config);
  if (status.ok()) status = check_machines(request);
  if (!status.ok()) return status;
  return origin == ProgramOrigin::kHere ? check_for_program_built_here(request)
                                        : check_for_program_of_python(request);
}

std::vector<std::string> ignored_remarks(const LaunchRequest& request, ProgramOrigin origin) {
  std::vector<std::string> remarks = request.remarks;
  if (!request.unused_flags.empty()) remarks.push_back(ignored(request.unused_flags, "here"));
  const std::vector<std::string> idle = idle_on_one_machine(request.config);
  if (!idle.empty()) {
    remarks.push_back(ignored(idle, "on one machine (num_machines is 1)"));
  }
  if (request.config.mpirun_config.count("mpirun_ccl") > 0) {
    remarks.push_back(ignored({"mpirun_ccl"}, "here"));
  }
  if (origin == ProgramOrigin::kElsewhere) return remarks;
  const std::vector<std::string> sections = idle_sections(request);
  if (!sections.empty()) remarks.push_back(ignored(sections, "on a program built here"));
  return remarks;
}

std::string dropped_flags_remark(const LaunchRequest& typed, int world_size) {
  LaunchRequest lost = typed;
  if (lost.config.num_processes == world_size) lost.config.num_processes.reset();
  const std::string names = ignored_under(Decider::kOtherLauncher, lost);
  if (names.empty()) return "";
  return absl::StrCat(names, "this process is already one of ", world_size,
                      " that another launcher has started; pass them to that launcher, or unset "
                      "RANK and WORLD_SIZE (under srun, SLURM_STEP_ID) to launch from here.");
}

std::string mpirun_flags_remark(const LaunchRequest& request) {
  LaunchRequest lost = request;
  // What config files say of the one machine that starts all.
  if (lost.config.machine_rank == 0) lost.config.machine_rank.reset();
  const std::string names = ignored_under(Decider::kMpirun, lost);
  if (names.empty()) return "";
  return absl::StrCat(names, "mpirun starts, numbers and binds the processes; use its own flags.");
}

}  // namespace accelerate::launcher
