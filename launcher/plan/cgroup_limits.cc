#include "launcher/plan/cgroup_limits.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> read_words(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  for (std::string word; file >> word;) words.push_back(word);
  return words;
}

template <class Number>
void take_less(std::optional<Number>& limit, Number other) {
  limit = std::min(limit.value_or(other), other);
}

void take_cpus(const std::string& quota, const std::string& period, CgroupLimits& limits) {
  std::int64_t time = 0;
  std::int64_t of = 0;
  if (!absl::SimpleAtoi(quota, &time) || !absl::SimpleAtoi(period, &of)) return;
  if (time <= 0 || of <= 0) return;  // -1 is no limit.
  take_less(limits.cpus, static_cast<double>(time) / static_cast<double>(of));
}

// What is not there, or says "max", is no limit.
void read_memory(const fs::path& path, CgroupLimits& limits) {
  const std::vector<std::string> words = read_words(path);
  std::uint64_t bytes = 0;
  if (words.empty() || !absl::SimpleAtoi(words[0], &bytes)) return;
  take_less(limits.memory_bytes, bytes);
}

using ReadGroup = void (*)(const fs::path& group, CgroupLimits& limits);

void read_group(const fs::path& group, CgroupLimits& limits) {
  if (const auto max = read_words(group / "cpu.max"); max.size() == 2) {
    take_cpus(max[0], max[1], limits);
  }
  read_memory(group / "memory.max", limits);
}

void read_cpu_group_of_version_1(const fs::path& group, CgroupLimits& limits) {
  const auto quota = read_words(group / "cpu.cfs_quota_us");
  if (quota.size() != 1) return;
  const auto period = read_words(group / "cpu.cfs_period_us");
  if (period.size() == 1) take_cpus(quota[0], period[0], limits);
}

void read_memory_group_of_version_1(const fs::path& group, CgroupLimits& limits) {
  read_memory(group / "memory.limit_in_bytes", limits);
}

// A container may see its own group at the top, and be told where the host sees it: what is not
// there has no files.
void read_groups(const fs::path& top, const fs::path& path, ReadGroup read, CgroupLimits& limits) {
  for (fs::path group = path.relative_path(); !group.empty(); group = group.parent_path()) {
    read(top / group, limits);
  }
  read(top, limits);
}

}  // namespace

CgroupLimits read_cgroup_limits(const std::string& root) {
  CgroupLimits limits;
  const fs::path top = fs::path(root) / "sys/fs/cgroup";
  std::ifstream file(fs::path(root) / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3) continue;
    if (parts[1].empty()) {
      read_groups(top, parts[2], read_group, limits);
      continue;
    }
    for (const absl::string_view controller : absl::StrSplit(parts[1], ',')) {
      if (controller == "cpu") {
        read_groups(top / "cpu", parts[2], read_cpu_group_of_version_1, limits);
      } else if (controller == "memory") {
        read_groups(top / "memory", parts[2], read_memory_group_of_version_1, limits);
      }
    }
  }
  return limits;
}

}  // namespace accelerate::launcher
