#include "launcher/plan/cgroup_limits.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

// A root folder with these files.
std::string make_root(const std::map<std::string, std::string>& files) {
  static int number = 0;
  const std::filesystem::path root =
      std::filesystem::path(::testing::TempDir()) / ("root" + std::to_string(number++));
  for (const auto& [name, text] : files) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
  return root.string();
}

TEST(CgroupLimits, AreTheLeastOnTheWayToTheTop) {
  const std::string root = make_root({{"proc/self/cgroup", "0::/job/step\n"},
                                      {"sys/fs/cgroup/job/step/cpu.max", "max 100000\n"},
                                      {"sys/fs/cgroup/job/step/memory.max", "2000\n"},
                                      {"sys/fs/cgroup/job/cpu.max", "150000 100000\n"},
                                      {"sys/fs/cgroup/job/memory.max", "max\n"},
                                      {"sys/fs/cgroup/cpu.max", "400000 100000\n"}});
  EXPECT_EQ(read_cgroup_limits(root), (CgroupLimits{.cpus = 1.5, .memory_bytes = 2000}));
}

TEST(CgroupLimits, AreReadWhereAContainerSeesItsOwnGroupAlone) {
  const std::string root = make_root(
      {{"proc/self/cgroup", "0::/docker/0123\n"}, {"sys/fs/cgroup/cpu.max", "50000 100000\n"}});
  EXPECT_EQ(read_cgroup_limits(root), (CgroupLimits{.cpus = 0.5}));
}

TEST(CgroupLimits, AreReadFromTheFirstVersion) {
  const std::string root =
      make_root({{"proc/self/cgroup", "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/job\n"},
                 {"sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "300000\n"},
                 {"sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"},
                 {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                 {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
                 {"sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096\n"},
                 {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}});
  EXPECT_EQ(read_cgroup_limits(root), (CgroupLimits{.cpus = 3.0, .memory_bytes = 4096}));
}

TEST(CgroupLimits, AreNoneWhereNothingCanBeRead) {
  EXPECT_EQ(read_cgroup_limits(make_root({{"proc/self/cgroup", "0::/\n"}})), CgroupLimits{});
  EXPECT_EQ(read_cgroup_limits(make_root({{"proc/self/cgroup", "nonsense\n0::/../x\n"},
                                          {"sys/fs/cgroup/cpu.max", "much\n"},
                                          {"sys/fs/cgroup/memory.max", ""}})),
            CgroupLimits{});
  EXPECT_EQ(read_cgroup_limits("/nowhere"), CgroupLimits{});
}

}  // namespace
}  // namespace accelerate::launcher
