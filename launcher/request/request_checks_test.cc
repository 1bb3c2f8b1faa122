#include "launcher/request/request_checks.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ProgramOrigin kHere = ProgramOrigin::kHere;
constexpr ProgramOrigin kElsewhere = ProgramOrigin::kElsewhere;

std::string error(const LaunchConfig& config, ProgramOrigin origin = kElsewhere) {
  return std::string(check_request({.config = config}, origin).message());
}

// What a program built here is refused, and any other gets.
std::string error_here(const LaunchConfig& config) {
  EXPECT_EQ(error(config, kElsewhere), "");
  return error(config, kHere);
}

TEST(CheckRequest, RefusesDevicesThatThisLauncherDoesNotKnow) {
  EXPECT_THAT(error({.distributed_type = DistributedType::kXla}),
              AllOf(HasSubstr("`distributed_type: XLA`"), HasSubstr("pass --cpu, or --multi_gpu")));
  EXPECT_THAT(error({.distributed_type = DistributedType::kMultiNpu}),
              HasSubstr("`distributed_type: MULTI_NPU` asks for devices"));
}

TEST(CheckRequest, LetsTheCpuStandInForUnknownDevices) {
  const LaunchConfig on_cpu = {.distributed_type = DistributedType::kMultiNpu, .use_cpu = true};
  EXPECT_EQ(error(on_cpu, kHere), "");
  EXPECT_EQ(error(on_cpu, kElsewhere), "");
}

TEST(CheckRequest, KnowsTwoWaysToMeet) {
  EXPECT_THAT(error({.rdzv_backend = "etcd"}),
              AllOf(HasSubstr("--rdzv_backend=etcd"), HasSubstr("one of static, c10d")));
  EXPECT_THAT(error({.rdzv_backend = "zookeeper"}), HasSubstr("one of static, c10d"));
  EXPECT_EQ(error({.num_machines = 1, .rdzv_backend = "c10d"}, kHere), "");
}

TEST(CheckRequest, TakesSeveralMachinesThatMeet) {
  LaunchConfig config = {.num_machines = 2};
  EXPECT_THAT(error(config), HasSubstr("needs --machine_rank"));
  // Numbered in the order of arrival.
  config.rdzv_backend = "c10d";
  EXPECT_THAT(error(config), HasSubstr("needs --main_process_ip"));
  config.rdzv_backend = std::nullopt;
  config.machine_rank = 1;
  EXPECT_THAT(error(config), HasSubstr("needs --main_process_ip"));
  config.main_process_ip = "10.0.0.1";
  EXPECT_EQ(error(config), "");
  // mpirun starts the processes of all machines, and so has no number of its own.
  config.machine_rank = std::nullopt;
  config.mpirun_config = {{"mpirun_hostfile", "hosts"}};
  EXPECT_EQ(error(config), "");
}

TEST(CheckRequest, RefusesWhatAProgramBuiltHereLacks) {
  EXPECT_THAT(error_here({.distributed_type = DistributedType::kMegatronLm}),
              HasSubstr("no Megatron-LM"));
  EXPECT_THAT(error_here({.mixed_precision = MixedPrecision::kFp8}),
              HasSubstr("choose one of no, fp16, bf16"));
  EXPECT_THAT(error_here({.parallelism_config = {{"parallelism_config_tp_size", "2"}}}),
              HasSubstr("`parallelism_config`"));
  EXPECT_EQ(error_here({.parallelism_config = {{"parallelism_config_tp_size", "1"}}}), "");
}

LaunchConfig fsdp(ConfigSection section) {
  return {.distributed_type = DistributedType::kFsdp, .fsdp_config = std::move(section)};
}

LaunchConfig deepspeed(ConfigSection section) {
  return {.distributed_type = DistributedType::kDeepspeed, .deepspeed_config = std::move(section)};
}

TEST(CheckRequest, TakesTheStagesThatAProgramBuiltHereHas) {
  EXPECT_EQ(error_here(fsdp({{"fsdp_sharding_strategy", "SHARD_GRAD_OP"}})), "");
  EXPECT_EQ(error_here(fsdp({{"fsdp_reshard_after_forward", "SHARD_GRAD_OP"}})), "");
  EXPECT_EQ(error_here(fsdp({{"fsdp_version", "2"}, {"fsdp_reshard_after_forward", "false"}})), "");
  EXPECT_EQ(error_here(deepspeed({})), "");
  EXPECT_EQ(error_here(deepspeed({{"zero_stage", "1"}})), "");
}

TEST(CheckRequest, RefusesOtherStagesByTheirKey) {
  EXPECT_THAT(error_here(fsdp({})), HasSubstr("fsdp_sharding_strategy=FULL_SHARD (the default)"));
  EXPECT_THAT(error_here(fsdp({{"fsdp_sharding_strategy", "HYBRID_SHARD"}})),
              HasSubstr("set fsdp_sharding_strategy to SHARD_GRAD_OP"));
  EXPECT_THAT(error_here(fsdp({{"fsdp_version", "2"}})),
              HasSubstr("set fsdp_reshard_after_forward to false"));
  EXPECT_THAT(error_here(deepspeed({{"zero_stage", "3"}})), HasSubstr("set zero_stage to 2"));
}

TEST(CheckRequest, RefusesWhatWouldBeAnotherTrainingByItsKey) {
  for (const auto& [key, value] : ConfigSection{{"fsdp_offload_params", "true"},
                                                {"fsdp_activation_checkpointing", "true"},
                                                {"fsdp_ignored_modules", "head"}}) {
    EXPECT_THAT(error_here(fsdp({{"fsdp_sharding_strategy", "2"}, {key, value}})),
                HasSubstr(key + "=" + value + " is not supported by a program built here; "));
  }
  for (const auto& [key, value] : ConfigSection{{"offload_optimizer_device", "cpu"},
                                                {"offload_param_device", "nvme"},
                                                {"gradient_clipping", "1.0"},
                                                {"deepspeed_config_file", "ds.json"},
                                                {"deepspeed_hostfile", "hosts"},
                                                {"deepspeed_exclusion_filter", "a"}}) {
    EXPECT_THAT(error_here(deepspeed({{key, value}})),
                HasSubstr(key + "=" + value + " is not supported by a program built here; "));
  }
}

TEST(CheckRequest, ShardsOnTheCpuWhatIsBuiltHereAlone) {
  LaunchRequest request = {.config = fsdp({{"fsdp_sharding_strategy", "SHARD_GRAD_OP"}})};
  request.config.use_cpu = true;
  EXPECT_TRUE(check_request(request, kHere).ok());
  EXPECT_TRUE(check_request(request, kElsewhere).ok()) << "as a file says";
  request.is_cpu_typed = true;
  EXPECT_TRUE(check_request(request, kHere).ok());
  EXPECT_THAT(std::string(check_request(request, kElsewhere).message()),
              HasSubstr("only use one of `--cpu`, `--use_fsdp` at a time"));
}

TEST(IgnoredRemarks, AreOfShardingWhereItIsOff) {
  LaunchConfig config = fsdp({{"fsdp_sharding_strategy", "2"}, {"fsdp_use_orig_params", "true"}});
  EXPECT_THAT(ignored_remarks({.config = config}, kHere), IsEmpty());
  config.distributed_type = DistributedType::kMultiGpu;
  EXPECT_THAT(ignored_remarks({.config = config}, kHere),
              ElementsAre(HasSubstr("fsdp_config (--fsdp_…) without --use_fsdp has no effect")));
  EXPECT_THAT(ignored_remarks(
                  {.config = config, .sharding_variables = {{"ACCELERATE_USE_FSDP", "1"}}}, kHere),
              IsEmpty());
  EXPECT_THAT(ignored_remarks({.config = deepspeed({{"zero_stage", "1"}})}, kHere), IsEmpty());
}

TEST(IgnoredRemarks, NameWhatNobodyReads) {
  EXPECT_THAT(ignored_remarks({}, kHere), IsEmpty());
  EXPECT_THAT(ignored_remarks({.unused_flags = {"--vm", "--env"}}, kElsewhere),
              ElementsAre("--vm, --env have no effect here and are ignored."));
  const LaunchRequest dynamo = {.config = {.dynamo_config = {{"dynamo_backend", "INDUCTOR"}}}};
  EXPECT_THAT(ignored_remarks(dynamo, kElsewhere), IsEmpty());
  EXPECT_THAT(ignored_remarks(dynamo, kHere),
              ElementsAre(HasSubstr("dynamo_config (--dynamo_…) has no effect on a program")));
  const LaunchRequest none = {.config = {.dynamo_config = {{"dynamo_backend", "NO"}}}};
  EXPECT_THAT(ignored_remarks(none, kHere), IsEmpty());
}

}  // namespace
}  // namespace accelerate::launcher
