// The content of a config file, as a value.
//
// Example:
//   LaunchConfig config = {.distributed_type = DistributedType::kMultiCpu, .num_processes = 4};
//   config.mpirun_config["mpirun_hostfile"] = "/home/me/hostfile";
//   absl::Status status = write_config(fill_missing_values(config), path);  // write_config.h
//
// Not a plan: nothing is checked against the machine, the flags or other members. Features that
// this project lacks are kept, so that they can be passed on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/config/launch_types.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

// A section such as fsdp_config: the text of each value by its key, as the section writes the key
// ("fsdp_version", or just "version": a launcher adds the prefix). Texts that are true, false or a
// number stand for those; everything else is a string, "NO" and "yes" too. There are no nulls.
// The one list among the values, the truth values of fp8_config's override_linear_precision, has
// its items joined by commas: "false,false,true".
using ConfigSection = std::map<std::string, std::string>;

// A member without a value, or an empty section, is not in the file. Except where a comment says
// otherwise, the members have the names of their keys.
struct LaunchConfig {
  std::optional<ComputeEnvironment> compute_environment = std::nullopt;
  std::optional<DistributedType> distributed_type = std::nullopt;
  std::optional<MixedPrecision> mixed_precision = std::nullopt;
  std::optional<bool> use_cpu = std::nullopt;
  std::optional<bool> debug = std::nullopt;

  // The processes and what they run on. num_processes counts those of all machines; a file's -1,
  // which leaves the number to a flag, is no value here.
  std::optional<int> num_processes = std::nullopt;
  std::optional<int> num_machines = std::nullopt;
  std::optional<int> machine_rank = std::nullopt;
  std::optional<std::string> gpu_ids = std::nullopt;  // "all", or ids joined by commas.
  std::optional<bool> enable_cpu_affinity = std::nullopt;

  // Where the processes meet.
  std::optional<std::string> main_process_ip = std::nullopt;
  std::optional<int> main_process_port = std::nullopt;  // 0 is any free port.
  std::optional<std::string> rdzv_backend = std::nullopt;
  std::optional<bool> same_network = std::nullopt;
  ConfigSection mpirun_config = {};

  // How the work is split, and what else Python programs can be told.
  ConfigSection fsdp_config = {};
  ConfigSection deepspeed_config = {};
  ConfigSection parallelism_config = {};
  ConfigSection fp8_config = {};
  ConfigSection dynamo_config = {};
  ConfigSection megatron_lm_config = {};

  // For TPUs and SageMaker, which this project does not start: kept to be written back.
  std::optional<std::string> main_training_function = std::nullopt;
  // Like a text in a section: true and false stand for themselves, "no" and "yes" are strings.
  std::optional<std::string> downcast_bf16 = std::nullopt;
  std::optional<std::string> tpu_name = std::nullopt;
  std::optional<std::string> tpu_zone = std::nullopt;
  std::optional<bool> tpu_use_cluster = std::nullopt;
  std::optional<bool> tpu_use_sudo = std::nullopt;
  std::optional<std::string> command_file = std::nullopt;
  std::optional<std::vector<std::string>> commands = std::nullopt;
  std::optional<std::vector<std::string>> tpu_vm = std::nullopt;
  std::optional<std::vector<std::string>> tpu_env = std::nullopt;
  // The top-level keys that only SageMaker's files have, such as ec2_instance_type.
  ConfigSection sagemaker = {};
  ConfigSection additional_args = {};

  // Whether the config asks for the CPU.
  bool wants_cpu() const {
    return use_cpu.value_or(false) || distributed_type == DistributedType::kMultiCpu;
  }
  // mpirun_config's mpirun_hostfile.
  std::optional<std::string> mpirun_hostfile() const;

  bool operator==(const LaunchConfig&) const = default;
};

// `config` with a value for every member that Accelerate has a default for, which is what
// `accelerate config update` makes of a file: compute_environment LOCAL_MACHINE, num_machines 1,
// num_processes 1 if distributed_type is NO, and so on. A SageMaker config is returned unchanged.
LaunchConfig fill_missing_values(LaunchConfig config);

}  // namespace accelerate::launcher
