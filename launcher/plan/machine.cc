#include "launcher/plan/machine.h"

#include <dlfcn.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "launcher/env/variable_names.h"
#include "launcher/plan/cgroup_limits.h"
#include "launcher/plan/cpu_set.h"

namespace accelerate::launcher {
namespace {

// The part of NVML that is used here, by its stable binary interface: the library comes with the
// driver, its header only with the CUDA toolkit.
using NvmlDevice = void*;
constexpr int kNvmlSuccess = 0;
constexpr unsigned int kNvmlUuidSize = 96;

template <class Function>
Function* find_function(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

std::vector<std::string> list_gpu_uuids_of(void* library) {
  const auto init = find_function<int()>(library, "nvmlInit_v2");
  const auto shutdown = find_function<int()>(library, "nvmlShutdown");
  const auto get_count = find_function<int(unsigned int*)>(library, "nvmlDeviceGetCount_v2");
  const auto get_device =
      find_function<int(unsigned int, NvmlDevice*)>(library, "nvmlDeviceGetHandleByIndex_v2");
  const auto get_uuid =
      find_function<int(NvmlDevice, char*, unsigned int)>(library, "nvmlDeviceGetUUID");
  if (!init || !shutdown || !get_count || !get_device || !get_uuid) return {};
  if (init() != kNvmlSuccess) return {};

  std::vector<std::string> uuids;
  unsigned int count = 0;
  if (get_count(&count) != kNvmlSuccess) count = 0;
  for (unsigned int index = 0; index < count; ++index) {
    NvmlDevice device = nullptr;
    char uuid[kNvmlUuidSize] = "";
    // A GPU that is present but lost or forbidden is none that CUDA would show.
    if (get_device(index, &device) != kNvmlSuccess) continue;
    if (get_uuid(device, uuid, kNvmlUuidSize) != kNvmlSuccess) continue;
    uuids.push_back(uuid);
  }
  shutdown();
  return uuids;
}

// The index of the GPU that one entry of CUDA_VISIBLE_DEVICES names, -1 where it names none.
int find_gpu(const std::vector<std::string>& uuids, const std::string& entry) {
  const int count = static_cast<int>(uuids.size());
  if (absl::StartsWith(entry, "GPU-")) {
    int found = -1;
    for (int index = 0; index < count; ++index) {
      if (!absl::StartsWith(uuids[index], entry)) continue;
      if (found >= 0) return -1;  // Two GPUs have it: CUDA takes neither.
      found = index;
    }
    return found;
  }
  // CUDA reads as strtol does, so that "1x" is GPU 1.
  char* end = nullptr;
  const long index = std::strtol(entry.c_str(), &end, 10);
  if (end == entry.c_str() || index < 0 || index >= count) return -1;
  return static_cast<int>(index);
}

// More threads than the group has time for would stop together whenever it is used up.
int count_cores(const CgroupLimits& limits) {
  int cores = static_cast<int>(read_cpu_cores().size());
  if (cores == 0) cores = static_cast<int>(std::thread::hardware_concurrency());
  if (limits.cpus.has_value()) {
    cores = static_cast<int>(std::min(static_cast<double>(cores), *limits.cpus));
  }
  return std::max(cores, 1);
}

std::uint64_t count_memory(const CgroupLimits& limits) {
  struct sysinfo information = {};
  if (sysinfo(&information) != 0) return limits.memory_bytes.value_or(0);
  const std::uint64_t all = std::uint64_t{information.totalram} * information.mem_unit;
  return std::min(all, limits.memory_bytes.value_or(all));
}

}  // namespace

std::vector<std::string> list_gpu_uuids(const std::string& nvml_library) {
  void* library = dlopen(nvml_library.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return {};
  std::vector<std::string> uuids = list_gpu_uuids_of(library);
  dlclose(library);
  return uuids;
}

int count_visible_gpus(const std::vector<std::string>& uuids,
                       const std::optional<std::string>& visible_devices) {
  if (!visible_devices.has_value()) return static_cast<int>(uuids.size());
  if (absl::StartsWith(*visible_devices, "MIG-")) return uuids.empty() ? 0 : 1;
  const std::vector<std::string> entries = absl::StrSplit(*visible_devices, ',');
  std::vector<int> visible;
  for (const std::string& entry : entries) {
    const int index = find_gpu(uuids, entry);
    if (index < 0) break;
    if (std::find(visible.begin(), visible.end(), index) != visible.end()) return 0;
    visible.push_back(index);
  }
  return static_cast<int>(visible.size());
}

Machine read_machine(const EnvironmentLookup& lookup) {
  const std::optional<std::string> visible = lookup(kVisibleGpusVariable);
  // To load and start the driver's library takes longer than all else here.
  const int num_gpus = visible == "" ? 0 : count_visible_gpus(list_gpu_uuids(), visible);
  const CgroupLimits limits = read_cgroup_limits();
  return {
      .num_gpus = num_gpus, .num_cores = count_cores(limits), .memory_bytes = count_memory(limits)};
}

}  // namespace accelerate::launcher
