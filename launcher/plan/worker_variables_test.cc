#include "launcher/plan/worker_variables.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::Optional;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const LaunchPlan kPlan = {.num_processes = 2,
                          .mixed_precision = MixedPrecision::kFp16,
                          .device = DeviceKind::kGpu,
                          .threads_per_process = 3};

TEST(WorkerVariables, AreThePlaceOfTheWorkerAndHowToTrain) {
  EXPECT_THAT(
      worker_variables(
          kPlan, {.local_rank = 0, .rank_states = "/proc/7/fd/8", .flight_record = "/proc/7/fd/9"},
          {.port = 4321, .listening_fd = 5, .secret = "9c"}),
      UnorderedElementsAre(
          Pair("RANK", "0"), Pair("WORLD_SIZE", "2"), Pair("LOCAL_RANK", "0"),
          Pair("LOCAL_WORLD_SIZE", "2"), Pair("MASTER_ADDR", "127.0.0.1"),
          Pair("MASTER_PORT", "4321"), Pair("ACCELERATE_STORE_FD", "5"),
          Pair("ACCELERATE_STORE_SECRET", "9c"), Pair("ACCELERATE_RANK_STATES", "/proc/7/fd/8"),
          Pair("ACCELERATE_FLIGHT_RECORD", "/proc/7/fd/9"),
          Pair("ACCELERATE_MIXED_PRECISION", "fp16"), Pair("ACCELERATE_USE_CPU", "False"),
          Pair("OMP_NUM_THREADS", "3"), Pair("TORCHELASTIC_RESTART_COUNT", "0"),
          Pair("TORCHELASTIC_MAX_RESTARTS", "0"),
          Pair("TORCHELASTIC_USE_AGENT_STORE", std::nullopt)));
}

TEST(WorkerVariables, HaveTheStoresSocketOnRankZeroAlone) {
  const EnvironmentChanges second =
      worker_variables(kPlan, {.local_rank = 1}, {.port = 4321, .listening_fd = 5});
  EXPECT_EQ(second.at("ACCELERATE_STORE_FD"), std::nullopt);
  EXPECT_EQ(second.at("ACCELERATE_STORE_SECRET"), std::nullopt);
  EXPECT_THAT(second.at("RANK"), Optional(std::string("1")));
  EXPECT_THAT(second.at("LOCAL_RANK"), Optional(std::string("1")));
}

TEST(WorkerVariables, SayWhetherToUseTheCpu) {
  EXPECT_THAT(worker_variables({}, {}, {.port = 1}).at("ACCELERATE_USE_CPU"),
              Optional(std::string("True")));
}

TEST(WorkerVariables, TellTheAttempt) {
  const EnvironmentChanges third =
      worker_variables({.max_restarts = 5}, {.attempt = 2}, {.port = 1});
  EXPECT_THAT(third.at("TORCHELASTIC_RESTART_COUNT"), Optional(std::string("2")));
  EXPECT_THAT(third.at("TORCHELASTIC_MAX_RESTARTS"), Optional(std::string("5")));
}

TEST(WorkerVariables, EndWithThoseOfThePlan) {
  const EnvironmentChanges variables = worker_variables(
      {.environment = {{"OMP_NUM_THREADS", "7"}, {"FSDP_VERSION", "2"}, {"LD_PRELOAD", {}}}}, {},
      {.port = 1});
  EXPECT_THAT(variables.at("OMP_NUM_THREADS"), Optional(std::string("7")));
  EXPECT_THAT(variables.at("FSDP_VERSION"), Optional(std::string("2")));
  EXPECT_EQ(variables.at("LD_PRELOAD"), std::nullopt);
}

}  // namespace
}  // namespace accelerate::launcher
