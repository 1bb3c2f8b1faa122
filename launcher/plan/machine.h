// What this machine offers to a run.
//
// Example:
//   if (read_machine().num_gpus == 0) std::cout << "CUDA shows no GPU here\n";
//
// Counts GPUs through the driver's management library, which leaves CUDA alone in this process: one
// that has initialised CUDA must not fork workers that use it.
//
// Not for a worker that looks for its device: ask CUDA there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

struct Machine {
  int num_gpus = 0;  // That CUDA would show to this process.
  // That this process may run on, and whose time its control group (cgroup_limits.h) leaves it; two
  // logical CPUs can be one core.
  int num_cores = 1;
  // What there is, or what the control group leaves of it; 0 where that is not known.
  std::uint64_t memory_bytes = 0;

  bool operator==(const Machine&) const = default;
};

// GPUs as CUDA_VISIBLE_DEVICES restricts them, cores as the scheduler's affinity mask does, and
// its control group. Without the driver there are no GPUs. Thread-safe.
Machine read_machine(const EnvironmentLookup& lookup = process_environment);

// The UUIDs ("GPU-5aef…") of all GPUs that the driver knows, in its order; none where
// `nvml_library` cannot be loaded or fails. Thread-safe.
std::vector<std::string> list_gpu_uuids(const std::string& nvml_library = "libnvidia-ml.so.1");

// How many GPUs CUDA shows of those with `uuids` under this value of CUDA_VISIBLE_DEVICES: all
// where it is not set; otherwise those that it lists, by index or by the start of a UUID, up to the
// first entry that is none, and none at all where one is listed twice. Of MIG instances CUDA shows
// one at a time.
int count_visible_gpus(const std::vector<std::string>& uuids,
                       const std::optional<std::string>& visible_devices);

}  // namespace accelerate::launcher
