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

void take_memory(const std::vector<std::string>& words, CgroupLimits& limits) {
  std::uint64_t bytes = 0;
  if (words.empty() || !absl::SimpleAtoi(words[0], &bytes)) return;
  take_less(limits.memory_bytes, bytes);
}

// Files of the other version, or of another controller, are not there.
void read_group(const fs::path& group, CgroupLimits& limits) {
  if (const auto max = read_words(group / "cpu.max"); max.size() == 2) {
    take_cpus(max[0], max[1], limits);
  }
  const auto quota = read_words(group / "cpu.cfs_quota_us");
  const auto period = read_words(group / "cpu.cfs_period_us");
  if (quota.size() == 1 && period.size() == 1) take_cpus(quota[0], period[0], limits);
  take_memory(read_words(group / "memory.max"), limits);
  take_memory(read_words(group / "memory.limit_in_bytes"), limits);
}

// A container may see its own group at the top, and be told where the host sees it: what is not
// there has no files.
void read_groups(const fs::path& top, const fs::path& path, CgroupLimits& limits) {
  for (fs::path group = path.relative_path(); !group.empty(); group = group.parent_path()) {
    read_group(top / group, limits);
  }
  read_group(top, limits);
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
      read_groups(top, parts[2], limits);
      continue;
    }
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    for (const std::string controller : {"cpu", "memory"}) {
      const bool has =
          std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
      if (has) read_groups(top / controller, parts[2], limits);
    }
  }
  return limits;
}

}  // namespace accelerate::launcher
