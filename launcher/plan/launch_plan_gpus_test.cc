// GPUs that are on other machines, or not there.
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Machine kLoginNode = {.num_gpus = 0, .num_cores = 4};
constexpr Machine kOneGpu = {.num_gpus = 1, .num_cores = 4};
constexpr Machine kTwoGpus = {.num_gpus = 2, .num_cores = 4};

std::optional<std::string> nothing(const std::string&) { return std::nullopt; }

absl::StatusOr<LaunchPlan> plan(const LaunchRequest& request, const Machine& machine) {
  return make_launch_plan(request, ProgramOrigin::kElsewhere, machine, nothing);
}

LaunchConfig one_gpu_each(int num_machines, std::optional<std::string> gpu_ids) {
  return {.distributed_type = DistributedType::kMultiGpu,
          .num_processes = num_machines,
          .num_machines = num_machines,
          .machine_rank = 0,
          .gpu_ids = std::move(gpu_ids),
          .main_process_ip = "10.0.0.1"};
}

TEST(GpusOfSeveralMachines, MayBeOneOnEach) {
  for (const int num_machines : {2, 16}) {
    for (const auto& ids : {std::optional<std::string>(), {"all"}, {"0"}}) {
      const LaunchConfig config = one_gpu_each(num_machines, ids);
      const auto made = plan({.config = config, .file = config}, kOneGpu);
      ASSERT_TRUE(made.ok()) << made.status();
      EXPECT_EQ(made->num_processes, 1);
      EXPECT_EQ(made->world_size(), num_machines);
      EXPECT_EQ(made->device, DeviceKind::kGpu);
      EXPECT_THAT(made->remarks, IsEmpty());
    }
  }
  EXPECT_FALSE(plan({.config = one_gpu_each(2, std::nullopt)}, kLoginNode).ok());
  EXPECT_FALSE(plan({.config = one_gpu_each(1, std::nullopt)}, kTwoGpus).ok());
}

TEST(GpusOfALoginNode, AreNotNeededForADryRun) {
  const LaunchConfig config = {.distributed_type = DistributedType::kMultiGpu, .num_processes = 4};
  EXPECT_FALSE(plan({.config = config, .file = config}, kLoginNode).ok());
  const auto made = plan({.config = config, .file = config, .dry_run = true}, kLoginNode);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->num_processes, 4);
  EXPECT_EQ(made->device, DeviceKind::kGpu);
  EXPECT_THAT(made->remarks, ElementsAre(AllOf(HasSubstr("for a machine with 4 GPUs"),
                                               HasSubstr("this machine has 0 GPUs"))));
  EXPECT_THAT(std::string(plan({.config = {.distributed_type = DistributedType::kMultiGpu},
                                .dry_run = true},
                               kLoginNode)
                              .status()
                              .message()),
              HasSubstr("a plan for another machine (--dry_run, --print) needs --num_processes"));
}

TEST(GpuIds, AreRemarkedUponWhereTheyAreNotThere) {
  const auto none = plan({.config = {.gpu_ids = "0,1"}}, kLoginNode);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(none->remarks,
              ElementsAre(HasSubstr("gpu_ids=0,1 names 2 GPUs, of which CUDA shows 0 "
                                    "to the program, which trains on the CPU;")));
  const auto one = plan({.config = {.gpu_ids = "0,7"}}, kOneGpu);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(one->remarks, ElementsAre(HasSubstr("of which CUDA shows 1 to the program; check")));
}

TEST(GpuIds, AreIdleOnTheCpu) {
  const LaunchConfig on_cpu = {.use_cpu = true, .gpu_ids = "0"};
  EXPECT_THAT(plan({.config = on_cpu, .is_cpu_typed = true}, kTwoGpus)->remarks,
              ElementsAre("gpu_ids=0 has no effect on the CPU and is ignored."));
}

TEST(GpuTraining, OfPythonIsSaidToStartOnTheCpu) {
  for (const DistributedType type :
       {DistributedType::kFsdp, DistributedType::kDeepspeed, DistributedType::kMegatronLm}) {
    EXPECT_THAT(
        plan({.config = {.distributed_type = type}, .dry_run = true}, kLoginNode)->remarks,
        ElementsAre(HasSubstr("`distributed_type: " + to_string(type) + "` is for GPUs; ")));
    EXPECT_THAT(plan({.config = {.distributed_type = type}}, kTwoGpus)->remarks, IsEmpty());
    EXPECT_THAT(plan({.config = {.distributed_type = type, .use_cpu = true, .num_processes = 1}},
                     kLoginNode)
                    ->remarks,
                IsEmpty());
  }
}

TEST(GpuIds, AreNotRemarkedUponWhereNobodyMeansThem) {
  EXPECT_THAT(plan({.config = {.gpu_ids = "0,1"}}, kTwoGpus)->remarks, IsEmpty());
  EXPECT_THAT(plan({.config = {.gpu_ids = "all"}}, kLoginNode)->remarks, IsEmpty());
  const LaunchConfig on_cpu = {.use_cpu = true, .num_processes = 1, .gpu_ids = "0"};
  EXPECT_THAT(
      plan({.config = on_cpu, .file = LaunchConfig{.gpu_ids = "0"}, .is_cpu_typed = true}, kTwoGpus)
          ->remarks,
      IsEmpty())
      << "a typed --cpu overrides a file";
  const auto of_environment =
      make_launch_plan({.config = {.gpu_ids = "0"}}, ProgramOrigin::kElsewhere, kLoginNode,
                       [](const std::string& name) -> std::optional<std::string> {
                         if (name == "CUDA_VISIBLE_DEVICES") return "0";
                         return std::nullopt;
                       });
  EXPECT_THAT(of_environment->remarks, IsEmpty());
}

}  // namespace
}  // namespace accelerate::launcher
