#include "launcher/env/slurm_step.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

const Variables kTask = {{"SLURM_JOB_ID", "17"},
                         {"SLURM_STEP_ID", "2"},
                         {"SLURM_STEP_NUM_TASKS", "7"},
                         {"SLURM_STEP_NUM_NODES", "4"},
                         {"SLURM_STEP_NODELIST", "node[08-10],big"},
                         {"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"},
                         {"SLURM_PROCID", "5"},
                         {"SLURM_NODEID", "2"},
                         {"SLURM_LOCALID", "1"}};

absl::StatusOr<std::optional<SlurmStep>> read(const Variables& variables) {
  return read_slurm_step([&variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

absl::StatusOr<std::optional<SlurmStep>> read_with(const std::string& name,
                                                   const std::string& value) {
  Variables variables = kTask;
  variables[name] = value;
  return read(variables);
}

TEST(SlurmStep, HasThePlaceOfItsTask) {
  const auto step = read(kTask);
  ASSERT_TRUE(step.ok() && step->has_value()) << step.status();
  EXPECT_EQ(**step, (SlurmStep{.task = 5,
                               .num_tasks = 7,
                               .local_task = 1,
                               .num_local_tasks = 2,
                               .num_nodes = 4,
                               .main = {"node08", 20480 + 17 + 2 * 1021}}));
}

TEST(SlurmStep, KnowsHowManyTasksAnUnequalNodeHas) {
  Variables last = kTask;
  last["SLURM_PROCID"] = "6";
  last["SLURM_NODEID"] = "3";
  last["SLURM_LOCALID"] = "0";
  EXPECT_EQ((**read(last)).num_local_tasks, 1);
}

TEST(SlurmStep, OfOneNodeMeetsThere) {
  Variables one = kTask;
  one["SLURM_STEP_NUM_NODES"] = "1";
  one["SLURM_STEP_TASKS_PER_NODE"] = "7";
  one["SLURM_NODEID"] = "0";
  EXPECT_EQ((**read(one)).main.address, "127.0.0.1");
}

TEST(SlurmStep, IsNoBatchScriptAndNoInteractiveShell) {
  // As an sbatch shell has them.
  EXPECT_EQ(*read({{"SLURM_JOB_ID", "17"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "7"}}),
            std::nullopt);
  for (const std::string id : {"batch", "extern", "interactive", "4294967291", "4294967290", ""}) {
    EXPECT_EQ(*read_with("SLURM_STEP_ID", id), std::nullopt) << id;
  }
}

TEST(SlurmStep, NamesTheVariableThatIsWrong) {
  const auto error = [](const std::string& name, const std::string& value) {
    return std::string(read_with(name, value).status().message());
  };
  EXPECT_THAT(error("SLURM_PROCID", "x"),
              AllOf(HasSubstr("SLURM_PROCID=x is not valid"), HasSubstr("unset SLURM_STEP_ID")));
  EXPECT_THAT(error("SLURM_PROCID", "7"), HasSubstr("are not below the 7 tasks of the step"));
  EXPECT_THAT(error("SLURM_STEP_TASKS_PER_NODE", "2(x1)"),
              HasSubstr("SLURM_STEP_TASKS_PER_NODE=2(x1) has no number of tasks for node 2"));
  EXPECT_THAT(error("SLURM_STEP_TASKS_PER_NODE", "2(x3"), HasSubstr("has no number of tasks"));
  EXPECT_THAT(error("SLURM_STEP_NODELIST", "node["), HasSubstr("is not a list of hosts"));
  Variables variables = kTask;
  variables.erase("SLURM_LOCALID");
  EXPECT_THAT(std::string(read(variables).status().message()),
              HasSubstr("SLURM_STEP_ID is set, but SLURM_LOCALID is not"));
}

}  // namespace
}  // namespace accelerate::launcher
