// Which logical CPUs a process may use, and how to divide those of a machine among processes.
//
// Example:
//   plan.cpu_sets = share_cores(read_cpu_cores(), plan.num_processes);
//   std::cout << cpu_list(plan.cpu_sets[0]) << "\n";  // "0-3,8-11"
//
// Does not choose the number of threads: OMP_NUM_THREADS does, with or without binding.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// The numbers of logical CPUs, ascending.
using CpuSet = std::vector<int>;

// The logical CPUs of one core, and the NUMA node of its local memory.
struct CpuCore {
  int node = 0;
  CpuSet cpus = {};

  bool operator==(const CpuCore&) const = default;
};

// The cores that this process may use, ordered by node and number. A machine that does not report
// nodes or cores counts as one node, with one core for each logical CPU. Tests replace /sys by
// `sys`. Thread-safe.
std::vector<CpuCore> read_cpu_cores(const std::string& sys = "/sys");

// The same for a process that may use `allowed`, or all CPUs if `allowed` is empty.
std::vector<CpuCore> read_cpu_cores(const CpuSet& allowed, const std::string& sys);

// Whole cores for each of `num_processes`; disjoint if there are enough. Nodes are divided first,
// so that a process spans several nodes only if it must; the cores of a node go in equal parts to
// its processes. Empty if there are no cores.
std::vector<CpuSet> share_cores(const std::vector<CpuCore>& cores, int num_processes);

// In the kernel's notation: "0-3,8-11".
std::string cpu_list(const CpuSet& cpus);

// The inverse of cpu_list(); empty for any other text.
CpuSet parse_cpu_list(const std::string& text);

// The logical CPUs that this process may use; empty if the kernel does not say.
CpuSet current_cpu_set();

// Binds this process, and what it starts from now on, to `cpus`. False if the kernel refuses.
bool bind_to(const CpuSet& cpus);

}  // namespace accelerate::launcher
