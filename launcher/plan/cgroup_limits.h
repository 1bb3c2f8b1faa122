// How much of the machine the control groups of this process allow it to use.
//
// Example:
//   const CgroupLimits limits = read_cgroup_limits();
//   if (limits.cpus.has_value()) std::cout << "at most " << *limits.cpus << " CPUs at a time\n";
//
// Does not say which CPUs those are: the affinity mask does (cpu_set.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accelerate::launcher {

struct CgroupLimits {
  std::optional<double> cpus = std::nullopt;  // The CPU time of this many CPUs; may be a fraction.
  std::optional<std::uint64_t> memory_bytes = std::nullopt;

  bool operator==(const CgroupLimits&) const = default;
};

// The smallest limits of the group of this process and its ancestors, in both versions of control
// groups; no value if there is no limit or none can be read. Tests replace / by `root`.
// Thread-safe.
CgroupLimits read_cgroup_limits(const std::string& root = "/");

}  // namespace accelerate::launcher
