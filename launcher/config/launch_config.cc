#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

std::optional<std::string> LaunchConfig::mpirun_hostfile() const {
  const auto found = mpirun_config.find("mpirun_hostfile");
  if (found == mpirun_config.end()) return std::nullopt;
  return found->second;
}

LaunchConfig fill_missing_values(LaunchConfig config) {
  const auto fill = [](auto& member, auto value) {
    if (!member.has_value()) member = value;
  };
  fill(config.compute_environment, ComputeEnvironment::kLocalMachine);
  if (config.compute_environment == ComputeEnvironment::kAmazonSagemaker) return config;
  if (config.distributed_type == DistributedType::kNo) fill(config.num_processes, 1);
  fill(config.use_cpu, false);
  fill(config.debug, false);
  fill(config.num_machines, 1);
  fill(config.machine_rank, 0);
  fill(config.enable_cpu_affinity, false);
  fill(config.rdzv_backend, "static");
  fill(config.same_network, false);
  fill(config.main_training_function, "main");
  fill(config.downcast_bf16, "false");
  fill(config.tpu_use_cluster, false);
  fill(config.tpu_use_sudo, false);
  return config;
}

}  // namespace accelerate::launcher
