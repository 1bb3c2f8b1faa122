#include "accelerate/main/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/process/cuda.h"

namespace accelerate::internal {
namespace {

using launcher::LaunchConfig;
using launcher::MixedPrecision;
using testing::HasSubstr;

Program program_of(const std::vector<StrategyTraits>& strategies,
                   const std::vector<PrecisionTraits>& precisions) {
  Program program;
  for (const auto& strategy : strategies) {
    for (const auto& precision : precisions)
      program.variants.push_back({strategy, precision, nullptr});
  }
  return program;
}

const std::vector<StrategyTraits> kAllStrategies = {Cpu::traits,        MultiCpu::traits,
                                                    ShardedCpu::traits, Gpu::traits,
                                                    MultiGpu::traits,   ShardedGpu::traits};
const std::vector<PrecisionTraits> kAllPrecisions = {Fp32::traits, Fp16::traits, Bf16::traits};

absl::StatusOr<launcher::LaunchPlan> plan(const Program& program, const LaunchConfig& config,
                                          int worker_world_size = 0) {
  return plan_program(program, {.config = config}, {.num_gpus = 0, .num_cores = 2},
                      worker_world_size);
}

TEST(PlanProgram, IsOneCpuProcessInFullPrecisionByDefault) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  const auto result = plan(program, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->num_processes, 1);
  EXPECT_EQ(result->mixed_precision, MixedPrecision::kNo);
  const Variant& variant = **find_variant(program, *result, 1);
  EXPECT_EQ(variant.strategy, Cpu::traits);
  EXPECT_EQ(variant.precision, Fp32::traits);
}

TEST(PlanProgram, FollowsTheRequest) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  const auto result = plan(program, {.mixed_precision = MixedPrecision::kBf16, .num_processes = 2});
  ASSERT_TRUE(result.ok()) << result.status();
  const Variant& variant = **find_variant(program, *result, 2);
  EXPECT_EQ(variant.strategy, MultiCpu::traits);
  EXPECT_EQ(variant.precision, Bf16::traits);
}

TEST(PlanProgram, TakesTheOnlyPrecisionOfAFixedProgram) {
  const Program program = program_of(kAllStrategies, {Fp16::traits});
  EXPECT_EQ(plan(program, {})->mixed_precision, MixedPrecision::kFp16);
  const auto refused = plan(program, {.mixed_precision = MixedPrecision::kBf16});
  EXPECT_THAT(
      std::string(refused.status().message()),
      HasSubstr(
          "built for mixed precision fp16 only, not for bf16; build it without a fixed precision "
          "(--precision=auto), or with --config=bf16"));
  EXPECT_FALSE(plan(program, {.mixed_precision = MixedPrecision::kNo}).ok());
}

TEST(PlanProgram, RefusesAStrategyThatWasNotBuilt) {
  const auto refused = plan(program_of({Cpu::traits}, kAllPrecisions), {.num_processes = 2});
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("built for the strategy cpu only, not for 2 processes on the CPU; build it "
                        "without a fixed "
                        "strategy (--strategy=auto), or with --strategy=multi_cpu"));
}

TEST(PlanProgram, SaysThatThereIsNoGpuToAProgramForGpus) {
  const auto refused = plan(program_of({Gpu::traits}, kAllPrecisions), {});
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("this machine shows no GPU"));
}

TEST(PlanProgram, RefusesGpusWhereCudaIsNotInTheBuild) {
  if (cuda::in_build()) GTEST_SKIP() << "CUDA is in this build";
  const LaunchConfig gpus = {.distributed_type = launcher::DistributedType::kMultiGpu};
  const auto refused = plan(program_of(kAllStrategies, kAllPrecisions), gpus);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("build with --config=cuda"));
}

TEST(PlanProgram, LetsAStrategyForManyServeOne) {
  const Program program = program_of({MultiCpu::traits}, {Fp32::traits});
  const auto result = plan(program, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ((*find_variant(program, *result, 1))->strategy, MultiCpu::traits);
}

// Also where somebody else has started it, as on a node without the GPUs that a job was to have.
TEST(PlanProgram, OfAWorkerRefusesTheCpuToWhoAskedForGpus) {
  if (!cuda::in_build()) GTEST_SKIP() << "CUDA is not in this build";
  const LaunchConfig gpus = {.distributed_type = launcher::DistributedType::kMultiGpu};
  const auto refused = plan(program_of(kAllStrategies, kAllPrecisions), gpus, 3);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("CUDA shows no GPU"));
}

TEST(PlanProgram, OfAWorkerLeavesItsOutputToItsLauncher) {
  launcher::LaunchRequest request;
  request.output.shown_local_ranks = {1};
  const auto result = plan_program(program_of(kAllStrategies, kAllPrecisions), request, {}, 2);
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST(PlanProgram, OfAWorkerTakesTheWorldAsItIs) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  const auto result = plan(program, {.num_processes = 7}, 3);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ((*find_variant(program, *result, 3))->strategy, MultiCpu::traits);
}

// Its config file may be the one that its launcher could not start.
TEST(PlanProgram, OfAWorkerLeavesItsPlaceToItsLauncher) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  EXPECT_FALSE(plan(program, {.num_machines = 2}).ok());
  EXPECT_TRUE(plan(program, {.num_machines = 2}, 4).ok());
  EXPECT_TRUE(plan(program, {.mpirun_config = {{"mpirun_hostfile", "hosts"}}}, 4).ok());
}

TEST(PlanProgram, OfAWorkerKeepsWhatIsAskedOfTheProgram) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  const auto on_cpu =
      plan_program(program, {.config = {.distributed_type = launcher::DistributedType::kMultiCpu}},
                   {.num_gpus = 2, .num_cores = 2}, 2);
  ASSERT_TRUE(on_cpu.ok()) << on_cpu.status();
  EXPECT_EQ(on_cpu->device, launcher::DeviceKind::kCpu);
  const auto counted =
      plan_program(program, {.processes_per_machine = 100'000}, {.num_gpus = 0, .num_cores = 2}, 4);
  EXPECT_TRUE(counted.ok()) << "the launcher's to decide: " << counted.status();
  const auto fsdp = plan(program, {.distributed_type = launcher::DistributedType::kFsdp}, 2);
  EXPECT_THAT(std::string(fsdp.status().message()), HasSubstr("fsdp_sharding_strategy=FULL_SHARD"));
}

LaunchConfig sharded(const std::string& stage, int num_processes) {
  return {.distributed_type = launcher::DistributedType::kDeepspeed,
          .num_processes = num_processes,
          .deepspeed_config = {{"zero_stage", stage}}};
}

// The name of the strategy that is taken, or what the error says.
std::string strategy_for(const Program& program, const LaunchConfig& config) {
  const auto result = plan(program, config);
  if (!result.ok()) return std::string(result.status().message());
  return std::string((*find_variant(program, *result, result->world_size()))->strategy.name);
}

TEST(PlanProgram, ShardsAsTheLaunchSays) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  EXPECT_EQ(strategy_for(program, sharded("1", 2)), "sharded_cpu");
  EXPECT_EQ(strategy_for(program, sharded("2", 2)), "sharded_cpu");
  EXPECT_EQ(plan(program, sharded("2", 2))->sharding, Sharding::kZero2);
  EXPECT_EQ(strategy_for(program, sharded("0", 2)), "multi_cpu");
  EXPECT_EQ(strategy_for(program, {.num_processes = 2}), "multi_cpu");
  EXPECT_THAT(strategy_for(program, sharded("3", 2)), HasSubstr("zero_stage=3 is not supported"));
}

TEST(PlanProgram, ShardsNothingInOneProcessAndSaysSo) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  EXPECT_EQ(strategy_for(program, sharded("2", 1)), "cpu");
  EXPECT_THAT(plan(program, sharded("2", 1))->remarks,
              testing::ElementsAre(HasSubstr("has no effect in one process")));
  EXPECT_EQ(strategy_for(program_of({MultiCpu::traits}, kAllPrecisions), sharded("1", 1)),
            "multi_cpu");
}

TEST(PlanProgram, ShardsAsAProgramWasBuilt) {
  const Program program = program_of({Zero2Cpu::traits}, kAllPrecisions);
  EXPECT_EQ(strategy_for(program, {.num_processes = 2}), "zero2_cpu");
  EXPECT_EQ(plan(program, {.num_processes = 2})->sharding, Sharding::kZero2) << "as a dry run says";
  EXPECT_EQ(strategy_for(program, sharded("2", 2)), "zero2_cpu");
  EXPECT_EQ(strategy_for(program, {}), "zero2_cpu");
  EXPECT_THAT(
      strategy_for(program, sharded("1", 2)),
      HasSubstr("built for the strategy zero2_cpu only, not for 2 processes on the CPU with "
                "ZeRO-1; build it without a fixed strategy (--strategy=auto), or with "
                "--strategy=zero1_cpu"));
  EXPECT_THAT(strategy_for(program, sharded("1", 1)), HasSubstr("--strategy=zero1_cpu"));
  EXPECT_THAT(strategy_for(program, sharded("0", 2)),
              HasSubstr("with no sharding; build it without a fixed strategy (--strategy=auto), or "
                        "with --strategy=multi_cpu"));
}

TEST(PlanProgram, RefusesShardingThatWasNotBuilt) {
  EXPECT_THAT(
      strategy_for(program_of({MultiCpu::traits}, kAllPrecisions), sharded("2", 2)),
      HasSubstr("built for the strategy multi_cpu only, not for 2 processes on the CPU with "
                "ZeRO-2; build it without a fixed strategy (--strategy=auto), or with "
                "--strategy=zero2_cpu"));
}

TEST(PlanProgram, TakesAPlainStrategyBeforeOneThatShards) {
  const Program program =
      program_of({Zero1Cpu::traits, ShardedCpu::traits, MultiCpu::traits}, kAllPrecisions);
  EXPECT_EQ(strategy_for(program, {.num_processes = 2}), "multi_cpu");
  EXPECT_EQ(strategy_for(program, sharded("1", 2)), "zero1_cpu");
  EXPECT_EQ(strategy_for(program, sharded("2", 2)), "sharded_cpu");
}

TEST(PlanProgram, OfAWorkerShardsAsTheOthers) {
  const Program program = program_of(kAllStrategies, kAllPrecisions);
  const auto result =
      plan_program(program,
                   {.sharding_variables = {{"ACCELERATE_USE_FSDP", "true"},
                                           {"FSDP_SHARDING_STRATEGY", "SHARD_GRAD_OP"}}},
                   {.num_gpus = 0, .num_cores = 2}, 3);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ((*find_variant(program, *result, 3))->strategy, ShardedCpu::traits);
  EXPECT_EQ(result->sharding, Sharding::kZero2);
}

}  // namespace
}  // namespace accelerate::internal
