// Whatever numbers somebody writes, there is a plan within the bounds, or a sentence.
#include <array>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "launcher/env/size_limits.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

class PlanFuzz : public ::testing::Test {
 protected:
  template <class Choices>
  auto one_of(const Choices& choices) {
    return choices[random_() % std::size(choices)];
  }

  std::string number() {
    constexpr std::array kNumbers = {"0",     "1",      "2",       "3",          "7",
                                     "64",    "512",    "513",     "4096",       "4097",
                                     "99999", "100000", "1000000", "1000001",    "2147483647",
                                     "-1",    "604800", "604801",  "2147483648", "99999999999999"};
    return one_of(kNumbers);
  }

  std::vector<std::string> words() {
    constexpr std::array kCounted = {
        "--num_processes", "--num_machines", "--machine_rank", "--num_cpu_threads_per_process",
        "--grace_period",  "--hang_timeout", "--max_restarts", "--main_process_port"};
    constexpr std::array kOther = {
        "--cpu",       "--multi_gpu",     "--oversubscribe",    "--dry_run",
        "--gpu_ids=0", "--gpu_ids=0,1,2", "--rdzv_backend=c10d"};
    std::vector<std::string> words = {"--main_process_ip=node"};
    for (std::size_t i = random_() % 4; i > 0; --i) {
      words.push_back(std::string(one_of(kCounted)) + "=" + number());
    }
    for (std::size_t i = random_() % 3; i > 0; --i) words.push_back(one_of(kOther));
    return words;
  }

  std::mt19937 random_{20260101};
};

TEST_F(PlanFuzz, StaysWithinTheBounds) {
  constexpr std::array<Machine, 3> kMachines = {
      Machine{}, {.num_gpus = 8, .num_cores = 64}, {.num_cores = 2, .memory_bytes = 1 << 28}};
  int num_plans = 0;
  for (int round = 0; round < 5000; ++round) {
    const auto request = parse_launch_flags(words());
    if (!request.ok()) {
      EXPECT_FALSE(request.status().message().empty());
      continue;
    }
    const auto plan = make_launch_plan(*request, ProgramOrigin::kElsewhere, one_of(kMachines));
    if (!plan.ok()) {
      EXPECT_FALSE(plan.status().message().empty());
      continue;
    }
    ++num_plans;
    EXPECT_GE(plan->num_processes, 1);
    EXPECT_TRUE(plan->num_processes <= 2048 || request->oversubscribe) << plan->num_processes;
    EXPECT_LE(plan->world_size(), kMostProcesses);
    EXPECT_LT(plan->rank_of(0), plan->world_size());
    EXPECT_LE(plan->threads_per_process, kMostThreads);
    EXPECT_GE(plan->threads_per_process, 1);
    EXPECT_FALSE(to_string(*plan).empty());
  }
  EXPECT_GT(num_plans, 100);
}

}  // namespace
}  // namespace accelerate::launcher
