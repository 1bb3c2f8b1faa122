#include "launcher/env/worker_environment.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

EnvironmentLookup lookup_in(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

WorkerEnvironment read(const Variables& variables) {
  const auto worker = read_worker_environment(lookup_in(variables));
  EXPECT_TRUE(worker.ok()) << worker.status();
  if (!worker.ok() || !worker->has_value()) return {.rank = -1};
  return **worker;
}

std::string error(const Variables& variables) {
  return std::string(read_worker_environment(lookup_in(variables)).status().message());
}

TEST(WorkerEnvironment, IsNothingOutsideOfAJob) {
  const auto worker = read_worker_environment(lookup_in({{"MASTER_PORT", "29501"}}));
  ASSERT_TRUE(worker.ok()) << worker.status();
  EXPECT_FALSE(worker->has_value());
}

TEST(WorkerEnvironment, ReadsWhatTorchrunExports) {
  EXPECT_EQ(read({{"RANK", "5"},
                  {"WORLD_SIZE", "8"},
                  {"LOCAL_RANK", "1"},
                  {"LOCAL_WORLD_SIZE", "4"},
                  {"MASTER_ADDR", "node-0"},
                  {"MASTER_PORT", "1234"},
                  {"TORCHELASTIC_RESTART_COUNT", "2"},
                  {"TORCHELASTIC_USE_AGENT_STORE", "True"}}),
            (WorkerEnvironment{.rank = 5,
                               .world_size = 8,
                               .local_rank = 1,
                               .local_world_size = 4,
                               .main_address = "node-0",
                               .main_port = 1234,
                               .agent_store = true,
                               .attempt = 2}));
}

TEST(WorkerEnvironment, ReadsTheNamesOfEachMpi) {
  const WorkerEnvironment expected = {
      .rank = 3, .world_size = 4, .local_rank = 1, .local_world_size = 2};
  EXPECT_EQ(read({{"PMI_RANK", "3"},
                  {"PMI_SIZE", "4"},
                  {"MPI_LOCALRANKID", "1"},
                  {"MPI_LOCALNRANKS", "2"},
                  {"MASTER_ADDR", "127.0.0.1"}}),
            expected);
  for (const std::string prefix : {"OMPI_COMM_WORLD_", "MV2_COMM_WORLD_"}) {
    EXPECT_EQ(read({{prefix + "RANK", "3"},
                    {prefix + "SIZE", "4"},
                    {prefix + "LOCAL_RANK", "1"},
                    {prefix + "LOCAL_SIZE", "2"},
                    {"MASTER_ADDR", "127.0.0.1"}}),
              expected);
  }
}

TEST(WorkerEnvironment, PrefersTheEarlierName) {
  EXPECT_EQ(
      read({{"RANK", "1"},
            {"PMI_RANK", "0"},
            {"OMPI_COMM_WORLD_RANK", "0"},
            {"PMI_SIZE", "2"},
            {"OMPI_COMM_WORLD_SIZE", "9"}}),
      (WorkerEnvironment{.rank = 1, .world_size = 2, .local_rank = 1, .local_world_size = 2}));
}

TEST(WorkerEnvironment, TakesAllRanksToBeLocalWhereTheMainAddressIs) {
  for (const std::string address : {"127.0.0.1", "localhost", "::1"}) {
    const WorkerEnvironment worker =
        read({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", address}});
    EXPECT_EQ(worker.local_rank, 1);
    EXPECT_EQ(worker.local_world_size, 2);
  }
}

TEST(WorkerEnvironment, WantsLocalValuesWhereTheMainProcessMayBeElsewhere) {
  EXPECT_THAT(error({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "node-0"}}),
              AllOf(HasSubstr("LOCAL_RANK is not set"), HasSubstr("MASTER_ADDR=node-0"),
                    HasSubstr("set LOCAL_RANK and LOCAL_WORLD_SIZE")));
  EXPECT_THAT(
      error({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "0"}, {"MASTER_ADDR", "node-0"}}),
      HasSubstr("LOCAL_WORLD_SIZE is not set"));
}

const Variables kSlurmTask = {{"SLURM_JOB_ID", "17"},
                              {"SLURM_STEP_ID", "0"},
                              {"SLURM_STEP_NUM_TASKS", "4"},
                              {"SLURM_STEP_NUM_NODES", "2"},
                              {"SLURM_STEP_NODELIST", "node[1-2]"},
                              {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                              {"SLURM_PROCID", "3"},
                              {"SLURM_NODEID", "1"},
                              {"SLURM_LOCALID", "1"}};

Variables with(Variables variables, const Variables& others) {
  for (const auto& [name, value] : others) variables[name] = value;
  return variables;
}

TEST(WorkerEnvironment, IsTheTaskOfASlurmStep) {
  const WorkerEnvironment task = {.rank = 3,
                                  .world_size = 4,
                                  .local_rank = 1,
                                  .local_world_size = 2,
                                  .main_address = "node1",
                                  .main_port = 20497};
  EXPECT_EQ(read(kSlurmTask), task);
  // As `srun --mpi=pmi2` adds them, and as a script may export them.
  EXPECT_EQ(read(with(kSlurmTask, {{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}})), task);
  EXPECT_EQ(read(with(kSlurmTask, {{"RANK", "3"}, {"WORLD_SIZE", "4"}})), task);
  WorkerEnvironment elsewhere = task;
  elsewhere.main_address = "10.0.0.1";
  elsewhere.main_port = 1234;
  EXPECT_EQ(read(with(kSlurmTask, {{"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "1234"}})),
            elsewhere);
}

TEST(WorkerEnvironment, IsNothingInASlurmStepOfOneTask) {
  const auto worker =
      read_worker_environment(lookup_in(with(kSlurmTask, {{"SLURM_STEP_NUM_TASKS", "1"},
                                                          {"SLURM_STEP_NUM_NODES", "1"},
                                                          {"SLURM_PROCID", "0"},
                                                          {"SLURM_NODEID", "0"},
                                                          {"SLURM_LOCALID", "0"},
                                                          {"SLURM_STEP_TASKS_PER_NODE", "1"}})));
  ASSERT_TRUE(worker.ok()) << worker.status();
  EXPECT_FALSE(worker->has_value());
}

TEST(WorkerEnvironment, DoesNotTakeTheStepAroundALauncherForItsOwn) {
  // The second process of a launcher that is a task of its own.
  EXPECT_EQ(
      read(with(kSlurmTask, {{"RANK", "1"}, {"WORLD_SIZE", "2"}})),
      (WorkerEnvironment{.rank = 1, .world_size = 2, .local_rank = 1, .local_world_size = 2}));
}

TEST(WorkerEnvironment, AsksForTheHostOfRankZeroWhereMpiDoesNotTellIt) {
  EXPECT_THAT(error({{"PMI_RANK", "3"},
                     {"PMI_SIZE", "4"},
                     {"MPI_LOCALRANKID", "1"},
                     {"MPI_LOCALNRANKS", "2"}}),
              HasSubstr("pass the host of rank 0 to all"));
}

TEST(WorkerEnvironment, IsAPodThatHoldsOneProcess) {
  const Variables pod = {{"RANK", "1"},       {"WORLD_SIZE", "2"},  {"PET_NODE_RANK", "1"},
                         {"PET_NNODES", "2"}, {"MASTER_ADDR", "m"}, {"MASTER_PORT", "23456"}};
  EXPECT_EQ(read(pod), (WorkerEnvironment{
                           .rank = 1, .world_size = 2, .main_address = "m", .main_port = 23456}));
  const auto several = read_worker_environment(lookup_in(with(pod, {{"PET_NPROC_PER_NODE", "4"}})));
  ASSERT_TRUE(several.ok()) << several.status();
  EXPECT_FALSE(several->has_value());
}

TEST(WorkerEnvironment, RefusesHalfAPlace) {
  EXPECT_THAT(error({{"RANK", "0"}}),
              AllOf(HasSubstr("RANK=0 is set, but WORLD_SIZE is not"), HasSubstr("unset RANK")));
  EXPECT_THAT(error({{"PMI_RANK", "0"}}), HasSubstr("unset PMI_RANK"));
  EXPECT_THAT(error({{"WORLD_SIZE", "2"}}), HasSubstr("WORLD_SIZE=2 is set, but RANK is not"));
}

TEST(WorkerEnvironment, NamesTheVariableWithABadValue) {
  EXPECT_THAT(error({{"RANK", "abc"}, {"WORLD_SIZE", "2"}}),
              AllOf(HasSubstr("RANK=abc is not valid"), HasSubstr("correct it, or unset")));
  EXPECT_THAT(error({{"RANK", ""}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK= is not valid"));
  EXPECT_THAT(error({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK=-1 is not valid"));
  EXPECT_THAT(error({{"PMI_RANK", "x"}, {"WORLD_SIZE", "2"}}),
              HasSubstr("PMI_RANK=x is not valid"));
  EXPECT_THAT(error({{"RANK", "0"}, {"WORLD_SIZE", "0"}}), HasSubstr("WORLD_SIZE=0 is not valid"));
  EXPECT_THAT(error({{"RANK", "2"}, {"PMI_SIZE", "2"}}),
              HasSubstr("RANK=2 is not below PMI_SIZE=2"));
  EXPECT_THAT(error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "2"}}),
              HasSubstr("LOCAL_RANK=2 is not below LOCAL_WORLD_SIZE=2"));
  EXPECT_THAT(error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_WORLD_SIZE", "3"}}),
              HasSubstr("LOCAL_WORLD_SIZE=3 is not valid"));
}

TEST(WorkerEnvironment, NamesTheVariableOfABadStore) {
  const Variables worker = {{"RANK", "0"}, {"WORLD_SIZE", "1"}};
  const auto with = [&worker](const std::string& name, const std::string& value) {
    Variables variables = worker;
    variables[name] = value;
    return error(variables);
  };
  EXPECT_THAT(with("MASTER_PORT", "0"), HasSubstr("MASTER_PORT=0 is not valid"));
  EXPECT_THAT(with("MASTER_PORT", "65536"), HasSubstr("MASTER_PORT=65536 is not valid"));
  EXPECT_THAT(with("ACCELERATE_STORE_FD", "x"), HasSubstr("ACCELERATE_STORE_FD=x is not valid"));
  EXPECT_THAT(with("TORCHELASTIC_USE_AGENT_STORE", "maybe"),
              HasSubstr("TORCHELASTIC_USE_AGENT_STORE: invalid truth value maybe"));
}

TEST(WorkerEnvironment, ReadsBackWhatItExported) {
  const WorkerEnvironment main = {.rank = 0,
                                  .world_size = 4,
                                  .local_rank = 0,
                                  .local_world_size = 2,
                                  .main_address = "10.0.0.1",
                                  .main_port = 4321,
                                  .store_fd = 7,
                                  .rank_states = "/proc/7/fd/9",
                                  .flight_record = "/proc/7/fd/10",
                                  .agent_store = true,
                                  .store_secret = "9c1f"};
  export_worker_environment(main);
  EXPECT_EQ(**read_worker_environment(), main);

  WorkerEnvironment other = main;
  other.rank = 1;
  other.local_rank = 1;
  other.store_fd = std::nullopt;
  other.agent_store = false;
  other.store_secret = "";
  export_worker_environment(other);
  EXPECT_EQ(**read_worker_environment(), other);
  EXPECT_EQ(std::getenv("ACCELERATE_STORE_FD"), nullptr);
}

}  // namespace
}  // namespace accelerate::launcher
