#include "launcher/plan/launch_plan.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Machine kCpuOnly = {.num_gpus = 0, .num_cores = 8};
constexpr Machine kOneGpu = {.num_gpus = 1, .num_cores = 8};
constexpr Machine kFourGpus = {.num_gpus = 4, .num_cores = 8};
constexpr ProgramOrigin kHere = ProgramOrigin::kHere;
constexpr ProgramOrigin kElsewhere = ProgramOrigin::kElsewhere;

LaunchRequest with(const LaunchConfig& config) { return {.config = config}; }

LaunchRequest with_multi_gpu(LaunchConfig config = {}) {
  config.distributed_type = DistributedType::kMultiGpu;
  return with(config);
}

// As if a file had said all of it.
LaunchRequest with_file(const LaunchConfig& config) { return {.config = config, .file = config}; }

LaunchPlan plan(const LaunchRequest& request, const Machine& machine,
                ProgramOrigin origin = kElsewhere) {
  const auto made = make_launch_plan(request, origin, machine);
  EXPECT_TRUE(made.ok()) << made.status();
  LaunchPlan plan = made.ok() ? *made : LaunchPlan{.num_processes = -1};
  // A Python program is told of dynamo in any case.
  std::erase_if(plan.environment,
                [](const auto& each) { return absl::StartsWith(each.first, "ACCELERATE_DYNAMO"); });
  return plan;
}

std::string error(const LaunchRequest& request, const Machine& machine,
                  ProgramOrigin origin = kElsewhere) {
  return std::string(make_launch_plan(request, origin, machine).status().message());
}

TEST(LaunchPlan, IsOneCpuProcessWithAllCoresWithoutGpus) {
  const LaunchPlan made = plan({}, kCpuOnly);
  EXPECT_EQ(made, LaunchPlan{.threads_per_process = 8});
  EXPECT_FALSE(made.is_multi_process());
}

TEST(LaunchPlan, IsOneProcessForEachGpu) {
  const LaunchPlan made = plan({}, kFourGpus, kHere);
  EXPECT_EQ(made, (LaunchPlan{.num_processes = 4,
                              .mixed_precision = std::nullopt,
                              .device = DeviceKind::kGpu,
                              .threads_per_process = 2}));
  EXPECT_TRUE(made.is_multi_process());
  EXPECT_EQ(plan({}, kOneGpu).num_processes, 1);
  EXPECT_EQ(plan(with_multi_gpu(), kFourGpus, kHere), made);
}

TEST(LaunchPlan, HasAsManyProcessesAsAskedFor) {
  EXPECT_EQ(plan(with({.num_processes = 2}), kCpuOnly).num_processes, 2);
  EXPECT_EQ(plan(with({.num_processes = 3}), kFourGpus).num_processes, 3);
  EXPECT_EQ(plan(with({.use_cpu = true, .num_processes = 16}), kFourGpus).num_processes, 16);
  EXPECT_EQ(plan(with_file({.distributed_type = DistributedType::kNo}), kFourGpus).num_processes,
            1);
  EXPECT_THAT(error(with_file({.distributed_type = DistributedType::kMultiCpu}), kCpuOnly),
              HasSubstr("manually pass in `--num_processes`"));
}

TEST(LaunchPlan, TakesTheCpuWhereSomebodySaysSo) {
  EXPECT_EQ(plan(with({.use_cpu = true}), kFourGpus), plan({}, kCpuOnly));
  EXPECT_EQ(plan(with({.use_cpu = false}), kFourGpus), plan({}, kFourGpus));
  EXPECT_EQ(
      plan(with({.distributed_type = DistributedType::kMultiCpu, .num_processes = 2}), kFourGpus)
          .device,
      DeviceKind::kCpu);
  EXPECT_EQ(plan(with({.distributed_type = DistributedType::kFsdp}), kCpuOnly).device,
            DeviceKind::kCpu);
  LaunchRequest on_cpu = with_multi_gpu({.use_cpu = true, .num_processes = 2});
  EXPECT_EQ(plan(on_cpu, kFourGpus).device, DeviceKind::kCpu);
}

TEST(LaunchPlan, LeavesThePrecisionToAProgramBuiltHere) {
  EXPECT_EQ(plan({}, kCpuOnly).mixed_precision, MixedPrecision::kNo);
  EXPECT_EQ(plan({}, kCpuOnly, kHere).mixed_precision, std::nullopt);
  const LaunchRequest bf16 = with({.mixed_precision = MixedPrecision::kBf16});
  EXPECT_EQ(plan(bf16, kCpuOnly).mixed_precision, MixedPrecision::kBf16);
  EXPECT_EQ(plan(bf16, kCpuOnly, kHere).mixed_precision, MixedPrecision::kBf16);
}

TEST(LaunchPlan, DividesTheCoresOfTheCpu) {
  EXPECT_EQ(plan(with({.num_processes = 3}), kCpuOnly).threads_per_process, 2);
  EXPECT_EQ(plan(with({.num_processes = 9}), kCpuOnly).threads_per_process, 1);
  LaunchRequest request = with({.num_processes = 2});
  request.threads_per_process = 3;
  EXPECT_EQ(plan(request, kCpuOnly).threads_per_process, 3);
  EXPECT_EQ(plan(request, kFourGpus).threads_per_process, 3);
  EXPECT_EQ(plan({}, kOneGpu, kHere).threads_per_process, 8);
  EXPECT_EQ(plan({}, kOneGpu, kElsewhere).threads_per_process, 1);
}

TEST(LaunchPlan, BindsEachProcessToItsCores) {
  const std::vector<CpuCore> cores = {{0, {0, 1}}, {0, {2, 3}}, {0, {4, 5}}};
  LaunchPlan made = plan(with({.num_processes = 2}), kCpuOnly);
  bind_to_cores(cores, made);
  EXPECT_EQ(made,
            (LaunchPlan{
                .num_processes = 2, .threads_per_process = 2, .cpu_sets = {{0, 1}, {2, 3, 4, 5}}}));
  EXPECT_EQ(plan(with({.num_processes = 2, .enable_cpu_affinity = true}), kCpuOnly).cpu_sets,
            share_cores(read_cpu_cores(), 2));
}

TEST(LaunchPlan, GivesARankToWhatNeedsOneAlone) {
  for (const DistributedType type :
       {DistributedType::kFsdp, DistributedType::kDeepspeed, DistributedType::kMegatronLm}) {
    const LaunchRequest request = with({.distributed_type = type, .num_processes = 1});
    EXPECT_TRUE(plan(request, kOneGpu).needs_rank);
  }
  EXPECT_FALSE(plan(with({.distributed_type = DistributedType::kNo}), kOneGpu).needs_rank);
}

TEST(LaunchPlan, TakesAnyFreePortUnlessAskedForOne) {
  EXPECT_EQ(plan({}, kCpuOnly).main_process_port, 0);
  EXPECT_EQ(plan(with({.main_process_port = 29501}), kCpuOnly).main_process_port, 29501);
}

TEST(LaunchPlan, PassesOnWhatTheProcessesNeedToKnow) {
  const LaunchPlan made = plan({.config = {.use_cpu = true, .debug = true, .gpu_ids = "0,2"},
                                .max_restarts = 2,
                                .role = "trainer",
                                .output = {.log_dir = "logs"},
                                .quiet = true},
                               kCpuOnly);
  EXPECT_EQ(made,
            (LaunchPlan{
                .threads_per_process = 8,
                .max_restarts = 2,
                .role = "trainer",
                .quiet = true,
                .output = {.log_dir = "logs"},
                .environment = {{"ACCELERATE_DEBUG_MODE", "true"}, {"CUDA_VISIBLE_DEVICES", "0,2"}},
                .remarks = {"gpu_ids=0,2 has no effect on the CPU and is ignored."}}));
  EXPECT_TRUE(plan(with({.gpu_ids = "all"}), kCpuOnly).environment.empty());
}

const LaunchConfig kSecondOfTwo = {
    .num_processes = 4, .num_machines = 2, .machine_rank = 1, .main_process_ip = "10.0.0.1"};

TEST(LaunchPlan, HasThePartOfOneMachine) {
  const LaunchPlan made = plan(with(kSecondOfTwo), kCpuOnly);
  EXPECT_EQ(made, (LaunchPlan{.num_processes = 2,
                              .num_machines = 2,
                              .machine_rank = 1,
                              .main_process_ip = "10.0.0.1",
                              .main_process_port = 29500,
                              .threads_per_process = 4}));
  EXPECT_EQ(made.world_size(), 4);
  EXPECT_EQ(made.rank_of(1), 3);
  EXPECT_EQ(to_string(made),
            "2 processes on the CPU with 4 threads each, mixed precision no, machine 1 of 2 with "
            "the ranks 2 to 3, at 10.0.0.1 port 29500");
  EXPECT_TRUE(made.knows_ranks());
}

TEST(LaunchPlan, HasNoMachineRankBeforeMachinesAreNumbered) {
  LaunchConfig config = kSecondOfTwo;
  config.machine_rank = std::nullopt;
  config.rdzv_backend = "c10d";
  LaunchRequest request = with(config);
  request.max_restarts = 1;
  request.run_id = "mine";
  request.rendezvous.join_timeout = std::chrono::seconds(60);
  const LaunchPlan made = plan(request, kCpuOnly);
  EXPECT_EQ(made, (LaunchPlan{.num_processes = 2,
                              .num_machines = 2,
                              .is_numbered_by_arrival = true,
                              .main_process_ip = "10.0.0.1",
                              .main_process_port = 29500,
                              .rendezvous = {.join_timeout = std::chrono::seconds(60)},
                              .threads_per_process = 4,
                              .max_restarts = 1,
                              .run_id = "mine"}));
  EXPECT_THAT(to_string(made),
              HasSubstr("one of 2 machines, numbered as they arrive at 10.0.0.1 port 29500"));
}

TEST(LaunchPlan, RefusesMachinesThatCannotMeet) {
  const auto without = [](const auto& change) {
    LaunchConfig config = kSecondOfTwo;
    change(config);
    return error(with(config), kCpuOnly);
  };
  EXPECT_THAT(
      without([](LaunchConfig& config) { config.machine_rank = std::nullopt; }),
      HasSubstr("needs --machine_rank; pass this machine's number, 0 for the main one to 1"));
  EXPECT_THAT(without([](LaunchConfig& config) { config.machine_rank = 2; }),
              HasSubstr("--machine_rank=2 is not below --num_machines=2"));
  EXPECT_THAT(without([](LaunchConfig& config) { config.main_process_ip = std::nullopt; }),
              HasSubstr("needs --main_process_ip"));
  EXPECT_THAT(without([](LaunchConfig& config) { config.main_process_port = 0; }),
              HasSubstr("needs --main_process_port"));
  EXPECT_THAT(without([](LaunchConfig& config) { config.num_processes = 5; }),
              HasSubstr("--num_processes=5 counts the processes of all 2 machines"));
}

TEST(LaunchPlan, NeedsASupervisorForWhatOneProcessCannotDoForItself) {
  EXPECT_FALSE(LaunchPlan{}.needs_supervisor());
  EXPECT_TRUE(LaunchPlan{.num_processes = 2}.needs_supervisor());
  EXPECT_TRUE(LaunchPlan{.max_restarts = 1}.needs_supervisor());
  EXPECT_TRUE(LaunchPlan{.output = {.log_dir = "logs"}}.needs_supervisor());
}

TEST(LaunchPlan, RefusesMoreProcessesThanGpus) {
  EXPECT_THAT(error(with({.num_processes = 5}), kFourGpus),
              AllOf(HasSubstr("--num_processes=5"), HasSubstr("this machine has 4 GPUs"),
                    HasSubstr("pass --num_processes=4 or fewer, or --cpu")));
}

TEST(LaunchPlan, RefusesMultiGpuWithFewerThanTwo) {
  const std::string sentence = "You need to use at least 2 processes to use `--multi_gpu`";
  EXPECT_THAT(error(with_multi_gpu(), kOneGpu),
              AllOf(HasSubstr(sentence), HasSubstr("has 1 GPU "), HasSubstr("Leave out")));
  EXPECT_THAT(error(with_multi_gpu(), kCpuOnly), AllOf(HasSubstr(sentence), HasSubstr("0 GPUs")));
  EXPECT_THAT(error(with_multi_gpu({.num_processes = 4}), kOneGpu), HasSubstr(sentence));
  EXPECT_THAT(error(with_multi_gpu({.num_processes = 1}), kFourGpus),
              AllOf(HasSubstr(sentence), HasSubstr("Pass --num_processes=2 or more")));
  EXPECT_THAT(error(with_multi_gpu({.gpu_ids = "3"}), kOneGpu),
              HasSubstr("Less than two GPU ids were configured (3)"));
}

TEST(LaunchPlan, RefusesWhatCannotBeHad) {
  const LaunchRequest fsdp = with({.distributed_type = DistributedType::kFsdp});
  EXPECT_THAT(error(fsdp, kFourGpus, kHere), HasSubstr("fsdp_sharding_strategy=FULL_SHARD"));
  EXPECT_EQ(plan(fsdp, kFourGpus, kElsewhere).num_processes, 4);
}

TEST(LaunchPlan, RefusesAContradictionWithinFsdp) {
  const LaunchRequest fsdp = with({.distributed_type = DistributedType::kFsdp,
                                   .fsdp_config = {{"fsdp_sync_module_states", "false"}}});
  EXPECT_THAT(error(fsdp, kFourGpus), HasSubstr("set `--fsdp_sync_module_states` to `True`"));
}

TEST(LaunchPlan, IsReadable) {
  EXPECT_EQ(to_string({.num_processes = 2,
                       .mixed_precision = MixedPrecision::kBf16,
                       .main_process_port = 29501,
                       .threads_per_process = 4}),
            "2 processes on the CPU with 4 threads each, mixed precision bf16, port 29501");
  EXPECT_EQ(to_string({.num_processes = 8, .device = DeviceKind::kGpu}),
            "8 processes on a GPU each with 1 thread each, mixed precision no, any free port");
  EXPECT_EQ(to_string({.threads_per_process = 2}),
            "1 process on the CPU with 2 threads, mixed precision no, any free port");
  EXPECT_EQ(to_string({.num_processes = 2, .sharding = Sharding::kZero1}),
            "2 processes on the CPU with 1 thread each, mixed precision no, ZeRO-1, any free port");
  EXPECT_EQ(to_string({.mixed_precision = std::nullopt}),
            "1 process on the CPU with 1 thread, the program's precision, any free port");
  EXPECT_THAT(to_string(plan(with({.mixed_precision = MixedPrecision::kFp8}), kCpuOnly)),
              HasSubstr("mixed precision fp8"));
  EXPECT_EQ(
      to_string({.num_processes = 2,
                 .cpu_sets = {{0, 1}, {2, 3}},
                 .max_restarts = 1,
                 .output = {.log_dir = "logs"}}),
      "2 processes on the CPU with 1 thread each, mixed precision no, any free port, on CPUs 0-1 | "
      "2-3, at most 1 restart, output kept in logs");
}

}  // namespace
}  // namespace accelerate::launcher
