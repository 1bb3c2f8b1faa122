#include "launcher/plan/cpu_set.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace accelerate::launcher {
namespace {

// More logical CPUs than any machine has that Linux runs on.
constexpr int kMostCpus = 1 << 16;

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using KernelCpuSet = std::unique_ptr<cpu_set_t, FreeCpuSet>;

CpuSet read_cpu_set(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return parse_cpu_list(line);
}

// The node of each logical CPU; 0 for those that are not in it.
std::map<int, int> read_nodes(const std::filesystem::path& sys) {
  std::map<int, int> nodes;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(sys / "devices/system/node", error)) {
    const std::string name = entry.path().filename();
    int node = 0;
    absl::string_view number = name;
    if (!absl::ConsumePrefix(&number, "node") || !absl::SimpleAtoi(number, &node)) continue;
    for (const int cpu : read_cpu_set(entry.path() / "cpulist")) nodes[cpu] = node;
  }
  return nodes;
}

// The cores of each node, nodes without cores left out.
std::vector<std::vector<CpuCore>> by_node(const std::vector<CpuCore>& cores) {
  std::map<int, std::vector<CpuCore>> nodes;
  for (const CpuCore& core : cores) nodes[core.node].push_back(core);
  std::vector<std::vector<CpuCore>> lists;
  for (auto& [number, list] : nodes) lists.push_back(std::move(list));
  return lists;
}

void add(const std::vector<CpuCore>& cores, std::size_t first, std::size_t last, CpuSet& cpus) {
  for (std::size_t i = first; i < last; ++i) {
    cpus.insert(cpus.end(), cores[i].cpus.begin(), cores[i].cpus.end());
  }
  std::sort(cpus.begin(), cpus.end());
}

// The part `index` of `parts` that are as equal as can be.
std::pair<std::size_t, std::size_t> part(std::size_t size, std::size_t index, std::size_t parts) {
  // More processes than cores take turns.
  if (parts > size) return {index % size, index % size + 1};
  return {size * index / parts, size * (index + 1) / parts};
}

}  // namespace

std::vector<CpuCore> read_cpu_cores(const std::string& sys) {
  return read_cpu_cores(current_cpu_set(), sys);
}

std::vector<CpuCore> read_cpu_cores(const CpuSet& allowed, const std::string& sys) {
  const std::filesystem::path cpus = std::filesystem::path(sys) / "devices/system/cpu";
  const std::map<int, int> nodes = read_nodes(sys);
  const CpuSet usable = allowed.empty() ? read_cpu_set(cpus / "online") : allowed;
  const std::set<int> is_usable(usable.begin(), usable.end());
  std::set<int> seen;
  std::vector<CpuCore> cores;
  for (const int cpu : usable) {
    if (seen.contains(cpu)) continue;
    CpuCore core;
    for (const int sibling :
         read_cpu_set(cpus / absl::StrCat("cpu", cpu) / "topology/thread_siblings_list")) {
      if (is_usable.contains(sibling)) core.cpus.push_back(sibling);
    }
    if (core.cpus.empty()) core.cpus = {cpu};
    seen.insert(core.cpus.begin(), core.cpus.end());
    const auto node = nodes.find(cpu);
    if (node != nodes.end()) core.node = node->second;
    cores.push_back(std::move(core));
  }
  std::stable_sort(cores.begin(), cores.end(),
                   [](const CpuCore& a, const CpuCore& b) { return a.node < b.node; });
  return cores;
}

std::vector<CpuSet> share_cores(const std::vector<CpuCore>& cores, int num_processes) {
  if (cores.empty()) return {};
  const std::vector<std::vector<CpuCore>> nodes = by_node(cores);
  const auto processes = static_cast<std::size_t>(num_processes);
  std::vector<CpuSet> sets(processes);
  if (processes < nodes.size()) {
    for (std::size_t process = 0; process < processes; ++process) {
      const auto [first, last] = part(nodes.size(), process, processes);
      for (std::size_t node = first; node < last; ++node) {
        add(nodes[node], 0, nodes[node].size(), sets[process]);
      }
    }
    return sets;
  }
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    const auto [first, last] = part(processes, node, nodes.size());
    for (std::size_t process = first; process < last; ++process) {
      const auto [begin, end] = part(nodes[node].size(), process - first, last - first);
      add(nodes[node], begin, end, sets[process]);
    }
  }
  return sets;
}

std::string cpu_list(const CpuSet& cpus) {
  std::string text;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    absl::StrAppend(&text, text.empty() ? "" : ",", cpus[first]);
    if (last > first) absl::StrAppend(&text, "-", cpus[last]);
    first = last + 1;
  }
  return text;
}

CpuSet parse_cpu_list(const std::string& text) {
  CpuSet cpus;
  for (const absl::string_view range : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(range, absl::MaxSplits('-', 1));
    int first = 0;
    int last = 0;
    if (!absl::SimpleAtoi(ends.first, &first) || first < 0) return {};
    if (!absl::SimpleAtoi(ends.second.empty() ? ends.first : ends.second, &last)) return {};
    for (int cpu = first; cpu <= std::min(last, kMostCpus); ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

CpuSet current_cpu_set() {
  const KernelCpuSet set(CPU_ALLOC(kMostCpus));
  const std::size_t size = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(size, set.get());
  if (sched_getaffinity(0, size, set.get()) != 0) return {};
  CpuSet cpus;
  for (int cpu = 0; cpu < kMostCpus; ++cpu) {
    if (CPU_ISSET_S(cpu, size, set.get())) cpus.push_back(cpu);
  }
  return cpus;
}

bool bind_to(const CpuSet& cpus) {
  const KernelCpuSet set(CPU_ALLOC(kMostCpus));
  const std::size_t size = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(size, set.get());
  for (const int cpu : cpus) CPU_SET_S(cpu, size, set.get());
  return sched_setaffinity(0, size, set.get()) == 0;
}

}  // namespace accelerate::launcher
