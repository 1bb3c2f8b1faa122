// What this machine offers to a run.
//
// Example:
//   if (read_machine().num_gpus == 0) std::cout << "CUDA shows no GPU here\n";
//
// Counts GPUs through the driver's management library, which does not initialise CUDA in this
// process: a process that has initialised CUDA must not fork workers that use it.
//
// Not for a worker that needs its device: ask CUDA there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

struct Machine {
  int num_gpus = 0;  // The GPUs that CUDA would show to this process.
  // Cores that this process may use, within the limit of its control group (cgroup_limits.h). Two
  // logical CPUs can be one core.
  int num_cores = 1;
  // The memory of the machine, or the limit of the control group; 0 if unknown.
  std::uint64_t memory_bytes = 0;

  bool operator==(const Machine&) const = default;
};

// Reads the machine: GPUs as CUDA_VISIBLE_DEVICES restricts them, cores as the affinity mask and
// the control group restrict them. Without the driver there are no GPUs. Thread-safe.
Machine read_machine(const EnvironmentLookup& lookup = process_environment);

// The UUIDs ("GPU-5aef…") of all GPUs that the driver knows, in its order; empty if `nvml_library`
// cannot be loaded or fails. Thread-safe.
std::vector<std::string> list_gpu_uuids(const std::string& nvml_library = "libnvidia-ml.so.1");

// How many of the GPUs with `uuids` CUDA shows under this value of CUDA_VISIBLE_DEVICES: all if it
// is not set; otherwise the listed ones, by index or by the start of a UUID, up to the first
// invalid entry, and none if one is listed twice. CUDA shows one MIG instance at a time.
int count_visible_gpus(const std::vector<std::string>& uuids,
                       const std::optional<std::string>& visible_devices);

}  // namespace accelerate::launcher
