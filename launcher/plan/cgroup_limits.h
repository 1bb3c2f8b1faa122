// What the control groups of this process leave it of the machine.
//
// Example:
//   const CgroupLimits limits = read_cgroup_limits();
//   if (limits.cpus.has_value()) std::cout << "at most " << *limits.cpus << " CPUs at a time\n";
//
// Not for which CPUs those are: an affinity mask tells (cpu_set.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accelerate::launcher {

struct CgroupLimits {
  std::optional<double> cpus = std::nullopt;  // The time of so many CPUs; may be a fraction.
  std::optional<std::uint64_t> memory_bytes = std::nullopt;

  bool operator==(const CgroupLimits&) const = default;
};

// The least of what the group of this process and those around it allow, of both versions of
// control groups; nothing where there is no limit, or none that can be read. `root` stands in for /
// in tests. Thread-safe.
CgroupLimits read_cgroup_limits(const std::string& root = "/");

}  // namespace accelerate::launcher
