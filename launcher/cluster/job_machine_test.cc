#include "launcher/cluster/job_machine.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<LaunchRequest> complete(const Variables& variables,
                                       const LaunchRequest& request = {}) {
  return complete_from_scheduler(request,
                                 [&variables](const auto& name) -> std::optional<std::string> {
                                   const auto found = variables.find(name);
                                   if (found == variables.end()) return std::nullopt;
                                   return found->second;
                                 });
}

std::string error(const Variables& variables) {
  return std::string(complete(variables).status().message());
}

Variables step(int num_tasks, int num_nodes) {
  return {{"SLURM_JOB_ID", "17"},
          {"SLURM_STEP_ID", "0"},
          {"SLURM_STEP_NUM_TASKS", std::to_string(num_tasks)},
          {"SLURM_STEP_NUM_NODES", std::to_string(num_nodes)},
          {"SLURM_STEP_NODELIST", num_nodes == 1 ? "node1" : "node[1-2]"},
          {"SLURM_STEP_TASKS_PER_NODE", std::to_string(num_tasks / num_nodes) + "(x2)"},
          {"SLURM_PROCID", std::to_string(num_tasks - 1)},
          {"SLURM_NODEID", std::to_string(num_nodes - 1)},
          {"SLURM_LOCALID", std::to_string(num_tasks / num_nodes - 1)}};
}

TEST(JobMachine, IsANodeOfASlurmStep) {
  EXPECT_EQ(complete(step(2, 2))->config, (LaunchConfig{.num_machines = 2,
                                                        .machine_rank = 1,
                                                        .main_process_ip = "node1",
                                                        .main_process_port = 20497}));
}

TEST(JobMachine, LeavesToTheUserWhatTheUserHasSaid) {
  const LaunchConfig said = {.num_processes = 4,
                             .num_machines = 3,
                             .machine_rank = 0,
                             .main_process_ip = "10.0.0.1",
                             .main_process_port = 1234};
  EXPECT_EQ(complete(step(2, 2), {.config = said})->config, said);
}

TEST(JobMachine, IsAPod) {
  const Variables pod = {
      {"RANK", "1"},           {"WORLD_SIZE", "8"},         {"PET_NODE_RANK", "1"},
      {"PET_NNODES", "2"},     {"PET_NPROC_PER_NODE", "4"}, {"MASTER_ADDR", "m"},
      {"MASTER_PORT", "23456"}};
  EXPECT_EQ(complete(pod)->config, (LaunchConfig{.num_processes = 8,
                                                 .num_machines = 2,
                                                 .machine_rank = 1,
                                                 .main_process_ip = "m",
                                                 .main_process_port = 23456}));
}

TEST(JobMachine, HasTheProcessesThatWereTypedForItAlone) {
  const auto pod = complete({{"RANK", "1"},
                             {"WORLD_SIZE", "8"},
                             {"PET_NODE_RANK", "1"},
                             {"PET_NNODES", "2"},
                             {"PET_NPROC_PER_NODE", "4"},
                             {"MASTER_ADDR", "m"},
                             {"MASTER_PORT", "23456"}},
                            {.processes_per_machine = 3});
  EXPECT_EQ(pod->processes_per_machine, 3);
  EXPECT_EQ(pod->config.num_processes, std::nullopt);
  EXPECT_EQ(pod->config.num_machines, 2);
}

TEST(JobMachine, IsAHostOfMpirun) {
  EXPECT_EQ(complete({{"OMPI_COMM_WORLD_RANK", "1"},
                      {"OMPI_COMM_WORLD_SIZE", "2"},
                      {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
                      {"MASTER_ADDR", "10.0.0.1"}})
                ->config,
            (LaunchConfig{.num_machines = 2,
                          .machine_rank = 1,
                          .main_process_ip = "10.0.0.1",
                          .main_process_port = 29500}));
}

TEST(JobMachine, IsNoneOutsideOfAJob) {
  EXPECT_EQ(*complete({}), LaunchRequest());
  EXPECT_EQ(*complete(step(1, 1)), LaunchRequest());
  // An sbatch shell.
  EXPECT_EQ(*complete({{"SLURM_JOB_ID", "17"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}),
            LaunchRequest());
  // Numbers that somebody gave the machines.
  EXPECT_EQ(*complete({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}), LaunchRequest());
}

TEST(JobMachine, SaysWhyItDoesNotMultiplyProcesses) {
  EXPECT_THAT(error(step(4, 2)), AllOf(HasSubstr("srun has started 4 tasks on 2 nodes"),
                                       HasSubstr("srun --ntasks-per-node=1")));
  EXPECT_THAT(error({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}}),
              AllOf(HasSubstr("has started this process as rank 1 of 4"),
                    HasSubstr("torchrun --no-python PROGRAM")));
  EXPECT_THAT(error({{"OMPI_COMM_WORLD_RANK", "1"},
                     {"OMPI_COMM_WORLD_SIZE", "2"},
                     {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                     {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}),
              AllOf(HasSubstr("mpirun has started 2 processes on this host"),
                    HasSubstr("mpirun --npernode 1")));
}

}  // namespace
}  // namespace accelerate::launcher
