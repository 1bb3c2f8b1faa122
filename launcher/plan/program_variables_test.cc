#include "launcher/plan/program_variables.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const Command kScript = {.kind = ProgramKind::kPythonScript, .argv = {"python3", "train.py"}};
const Command kExecutable = {.argv = {"./my_model"}};

std::optional<std::string> nothing(const std::string&) { return std::nullopt; }

TEST(ProgramVariables, AreHowToTrainForAPythonProgramThatRunsAlone) {
  const LaunchPlan plan = {.mixed_precision = MixedPrecision::kBf16, .threads_per_process = 4};
  EXPECT_FALSE(needs_rendezvous(plan, kScript));
  EXPECT_THAT(
      program_variables(plan, kScript, {}, {}, nothing),
      UnorderedElementsAre(Pair("ACCELERATE_USE_CPU", "True"),
                           Pair("ACCELERATE_MIXED_PRECISION", "bf16"), Pair("OMP_NUM_THREADS", "4"),
                           Pair("KMP_AFFINITY", "granularity=fine,compact,1,0"),
                           Pair("KMP_BLOCKTIME", "1")));
}

TEST(ProgramVariables, AreThoseOfTorchrunForSeveralProcesses) {
  const LaunchPlan plan = {
      .num_processes = 2, .device = DeviceKind::kGpu, .max_restarts = 3, .role = "trainer"};
  EXPECT_THAT(
      program_variables(plan, kScript, {.local_rank = 1, .attempt = 2}, {.port = 4321}, nothing),
      UnorderedElementsAre(
          Pair("RANK", "1"), Pair("WORLD_SIZE", "2"), Pair("LOCAL_RANK", "1"),
          Pair("LOCAL_WORLD_SIZE", "2"), Pair("MASTER_ADDR", "127.0.0.1"),
          Pair("MASTER_PORT", "4321"), Pair("ACCELERATE_STORE_FD", std::nullopt),
          Pair("ACCELERATE_STORE_SECRET", std::nullopt),
          Pair("ACCELERATE_RANK_STATES", std::nullopt),
          Pair("ACCELERATE_FLIGHT_RECORD", std::nullopt), Pair("GROUP_RANK", "0"),
          Pair("GROUP_WORLD_SIZE", "1"), Pair("ROLE_NAME", "trainer"), Pair("ROLE_RANK", "1"),
          Pair("ROLE_WORLD_SIZE", "2"), Pair("TORCHELASTIC_RESTART_COUNT", "2"),
          Pair("TORCHELASTIC_MAX_RESTARTS", "3"), Pair("TORCHELASTIC_RUN_ID", "none"),
          Pair("TORCHELASTIC_USE_AGENT_STORE", "False"),
          Pair("TORCHELASTIC_ERROR_FILE", std::nullopt),
          Pair("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"), Pair("ACCELERATE_USE_CPU", "False"),
          Pair("ACCELERATE_MIXED_PRECISION", "no"), Pair("OMP_NUM_THREADS", "1")));
}

TEST(ProgramVariables, TellWhereToLeaveAnException) {
  EXPECT_THAT(program_variables({.num_processes = 2}, kScript, {.error_file = "logs/error.json"},
                                {}, nothing)
                  .at("TORCHELASTIC_ERROR_FILE"),
              Optional(std::string("logs/error.json")));
}

TEST(ProgramVariables, HaveARankForAnExecutableThatRunsAlone) {
  EXPECT_TRUE(needs_rendezvous({}, kExecutable));
  const EnvironmentChanges variables =
      program_variables({}, kExecutable, {}, {.port = 1, .listening_fd = 5}, nothing);
  EXPECT_THAT(variables.at("RANK"), Optional(std::string("0")));
  EXPECT_THAT(variables.at("WORLD_SIZE"), Optional(std::string("1")));
  EXPECT_THAT(variables.at("ACCELERATE_STORE_FD"), Optional(std::string("5")));
}

TEST(ProgramVariables, HaveARankForAPythonProgramThatNeedsOneAlone) {
  const LaunchPlan plan = {.needs_rank = true};
  EXPECT_TRUE(needs_rendezvous(plan, kScript));
  const EnvironmentChanges variables = program_variables(plan, kScript, {}, {.port = 1}, nothing);
  EXPECT_THAT(variables, Contains(Pair("RANK", "0")));
  EXPECT_THAT(variables, Contains(Pair("MASTER_PORT", "1")));
}

TEST(ProgramVariables, TieNoThreadsOfSeveralProcessesToTheSameCores) {
  const EnvironmentChanges variables =
      program_variables({.num_processes = 2}, kScript, {}, {}, nothing);
  EXPECT_THAT(variables, Contains(Pair("KMP_BLOCKTIME", "1")));
  EXPECT_THAT(variables, Not(Contains(Key("KMP_AFFINITY"))));
  EXPECT_THAT(
      program_variables({.num_processes = 2, .cpu_sets = {{0}, {1}}}, kScript, {}, {}, nothing),
      AllOf(Contains(Key("KMP_AFFINITY")), Not(Contains(Key("ACCELERATE_CPU_AFFINITY")))));
}

TEST(ProgramVariables, LetPythonProgramsFindTheCoresNearTheirGpu) {
  EXPECT_THAT(
      program_variables({.num_processes = 2, .device = DeviceKind::kGpu, .cpu_sets = {{0}, {1}}},
                        kScript, {}, {}, nothing),
      Contains(Pair("ACCELERATE_CPU_AFFINITY", "1")));
}

TEST(ProgramVariables, LeaveWhatTheUserHasSetAlone) {
  const auto lookup = [](const std::string&) { return std::optional<std::string>("3"); };
  const EnvironmentChanges variables =
      program_variables({.needs_rank = true}, kScript, {}, {}, lookup);
  for (const std::string name :
       {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "KMP_AFFINITY", "KMP_BLOCKTIME"}) {
    EXPECT_THAT(variables, Not(Contains(Key(name))));
    EXPECT_THAT(program_variables({.needs_rank = true}, kScript, {}, {}, nothing),
                Contains(Key(name)));
  }
}

TEST(ProgramVariables, EndWithThoseOfThePlan) {
  EXPECT_THAT(program_variables({.environment = {{"ACCELERATE_DYNAMO_BACKEND", "INDUCTOR"}}},
                                kScript, {}, {}, nothing)
                  .at("ACCELERATE_DYNAMO_BACKEND"),
              Optional(std::string("INDUCTOR")));
}

}  // namespace
}  // namespace accelerate::launcher
