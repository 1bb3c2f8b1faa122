#include "launcher/plan/cpu_set.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Files below a folder that stands in for /sys.
std::string fake_sys(const std::string& name, const std::map<std::string, std::string>& files) {
  const std::filesystem::path root = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(root);
  for (const auto& [path, text] : files) {
    const std::filesystem::path file = root / "devices/system" / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  return root;
}

// Two nodes of two cores each, whose second threads come after all first ones.
std::string two_nodes() {
  std::map<std::string, std::string> files = {{"cpu/online", "0-7"},
                                              {"node/node0/cpulist", "0,2,4,6"},
                                              {"node/node1/cpulist", "1,3,5,7"},
                                              {"node/possible", "0-1"}};
  for (int cpu = 0; cpu < 8; ++cpu) {
    files["cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list"] =
        std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4);
  }
  return fake_sys("two_nodes", files);
}

std::vector<CpuCore> cores_of(const std::vector<int>& nodes) {
  std::vector<CpuCore> cores;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    cores.push_back({.node = nodes[i], .cpus = {static_cast<int>(i)}});
  }
  return cores;
}

std::vector<std::string> shared(const std::vector<CpuCore>& cores, int num_processes) {
  std::vector<std::string> texts;
  for (const CpuSet& set : share_cores(cores, num_processes)) texts.push_back(cpu_list(set));
  return texts;
}

TEST(CpuCores, AreReadWithTheirThreadsAndNodes) {
  EXPECT_THAT(read_cpu_cores({}, two_nodes()), ElementsAre(CpuCore{0, {0, 4}}, CpuCore{0, {2, 6}},
                                                           CpuCore{1, {1, 5}}, CpuCore{1, {3, 7}}));
}

TEST(CpuCores, AreThoseThatTheProcessMayUse) {
  EXPECT_THAT(read_cpu_cores({2, 3, 6}, two_nodes()),
              ElementsAre(CpuCore{0, {2, 6}}, CpuCore{1, {3}}));
}

TEST(CpuCores, AreLogicalCpusWhereTheMachineDoesNotTell) {
  EXPECT_THAT(read_cpu_cores({1, 4}, fake_sys("empty", {})),
              ElementsAre(CpuCore{0, {1}}, CpuCore{0, {4}}));
  EXPECT_THAT(read_cpu_cores({}, fake_sys("empty", {})), IsEmpty());
}

TEST(ShareCores, GivesWholeCoresOfOneNode) {
  const std::vector<CpuCore> cores = read_cpu_cores({}, two_nodes());
  EXPECT_THAT(shared(cores, 1), ElementsAre("0-7"));
  EXPECT_THAT(shared(cores, 2), ElementsAre("0,2,4,6", "1,3,5,7"));
  EXPECT_THAT(shared(cores, 4), ElementsAre("0,4", "2,6", "1,5", "3,7"));
}

TEST(ShareCores, CrossesNoNodeWhereProcessesDoNotDivideThem) {
  EXPECT_THAT(shared(cores_of({0, 0, 0, 0, 1, 1, 1, 1}), 3), ElementsAre("0-3", "4-5", "6-7"));
  EXPECT_THAT(shared(cores_of({0, 0, 0}), 2), ElementsAre("0", "1-2"));
}

TEST(ShareCores, GivesWholeNodesToFewerProcesses) {
  EXPECT_THAT(shared(cores_of({0, 0, 1, 1, 2, 2}), 2), ElementsAre("0-1", "2-5"));
}

TEST(ShareCores, LetsMoreProcessesThanCoresTakeTurns) {
  EXPECT_THAT(shared(cores_of({0, 0}), 3), ElementsAre("0", "1", "0"));
  EXPECT_THAT(shared({}, 3), IsEmpty());
}

TEST(CpuSet, IsWrittenAsTheKernelDoes) {
  EXPECT_EQ(cpu_list(CpuSet{}), "");
  EXPECT_EQ(cpu_list(CpuSet{0, 1, 2, 5, 8, 9}), "0-2,5,8-9");
  EXPECT_THAT(parse_cpu_list("0-2,5,8-9\n"), ElementsAre(0, 1, 2, 5, 8, 9));
  EXPECT_THAT(parse_cpu_list(""), IsEmpty());
  EXPECT_THAT(parse_cpu_list("some"), IsEmpty());
}

TEST(CpuSet, BindsThisProcess) {
  const CpuSet all = current_cpu_set();
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(bind_to({all.back()}));
  EXPECT_THAT(current_cpu_set(), ElementsAre(all.back()));
  EXPECT_TRUE(bind_to(all));
  EXPECT_EQ(current_cpu_set(), all);
  EXPECT_FALSE(bind_to({})) << "a process must run somewhere";
}

}  // namespace
}  // namespace accelerate::launcher
