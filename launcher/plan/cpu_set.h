// Which logical CPUs a process may run on, and how those of a machine are shared among processes.
//
// Example:
//   plan.cpu_sets = share_cores(read_cpu_cores(), plan.num_processes);
//   std::cout << cpu_list(plan.cpu_sets[0]) << "\n";  // "0-3,8-11"
//
// Not for choosing the number of threads: OMP_NUM_THREADS does, also where nothing is bound.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// The numbers of logical CPUs, ascending.
using CpuSet = std::vector<int>;

// One core, which logical CPUs share, and the NUMA node of the memory that is near to it.
struct CpuCore {
  int node = 0;
  CpuSet cpus = {};

  bool operator==(const CpuCore&) const = default;
};

// The cores that this process may use, ordered by node and number. A machine that does not tell of
// its nodes or cores has one node, and a core for each logical CPU. `sys` stands in for /sys in
// tests. Thread-safe.
std::vector<CpuCore> read_cpu_cores(const std::string& sys = "/sys");

// The same for a process that may use `allowed`, or all CPUs where that is empty.
std::vector<CpuCore> read_cpu_cores(const CpuSet& allowed, const std::string& sys);

// Whole cores for each of `num_processes`, disjoint where there are enough: nodes are dealt out
// first, so that no process has memory near and far where it can be avoided, and the cores of a
// node go in equal parts to its processes. Empty where there are no cores.
std::vector<CpuSet> share_cores(const std::vector<CpuCore>& cores, int num_processes);

// In the kernel's notation: "0-3,8-11".
std::string cpu_list(const CpuSet& cpus);

// What cpu_list() writes, and nothing for what it does not.
CpuSet parse_cpu_list(const std::string& text);

// The logical CPUs that this process may use; none where the kernel does not say.
CpuSet current_cpu_set();

// Binds this process, and what it starts from now on, to `cpus`. False where the kernel refuses.
bool bind_to(const CpuSet& cpus);

}  // namespace accelerate::launcher
