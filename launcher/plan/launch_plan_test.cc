#include "launcher/plan/launch_plan.h"

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

constexpr Machine kCpuOnly = {.num_gpus = 0, .num_cores = 8};
constexpr Machine kOneGpu = {.num_gpus = 1, .num_cores = 8};
constexpr Machine kFourGpus = {.num_gpus = 4, .num_cores = 8};

absl::StatusOr<LaunchPlan> make(const LaunchFlags& flags, const Machine& machine,
                                const Variables& variables) {
  return make_launch_plan(
      flags,
      [&variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      },
      machine);
}

LaunchPlan plan(const LaunchFlags& flags, const Machine& machine, const Variables& variables = {}) {
  const auto made = make(flags, machine, variables);
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *made : LaunchPlan{.num_processes = -1};
}

std::string error(const LaunchFlags& flags, const Machine& machine,
                  const Variables& variables = {}) {
  return std::string(make(flags, machine, variables).status().message());
}

TEST(LaunchPlan, IsOneCpuProcessWithAllCoresWithoutGpus) {
  const LaunchPlan made = plan({}, kCpuOnly);
  EXPECT_EQ(made, LaunchPlan{.threads_per_process = 8});
  EXPECT_FALSE(made.is_multi_process());
}

TEST(LaunchPlan, IsOneProcessForEachGpu) {
  const LaunchPlan made = plan({}, kFourGpus);
  EXPECT_EQ(made,
            (LaunchPlan{.num_processes = 4, .device = DeviceKind::kGpu, .threads_per_process = 2}));
  EXPECT_TRUE(made.is_multi_process());
  EXPECT_EQ(plan({}, kOneGpu).num_processes, 1);
  EXPECT_EQ(plan({.multi_gpu = true}, kFourGpus), made);
}

TEST(LaunchPlan, TakesTheNumberOfProcessesFromTheFlag) {
  EXPECT_EQ(plan({.num_processes = 2}, kCpuOnly).num_processes, 2);
  EXPECT_EQ(plan({.num_processes = 3}, kFourGpus).num_processes, 3);
  EXPECT_EQ(plan({.num_processes = 16, .cpu = true}, kFourGpus).num_processes, 16);
}

TEST(LaunchPlan, TakesTheCpuWhereAFlagOrTheEnvironmentSaysSo) {
  EXPECT_EQ(plan({.cpu = true}, kFourGpus), plan({}, kCpuOnly));
  EXPECT_EQ(plan({}, kFourGpus, {{"ACCELERATE_USE_CPU", "yes"}}), plan({}, kCpuOnly));
  EXPECT_EQ(plan({}, kFourGpus, {{"ACCELERATE_USE_CPU", "False"}}), plan({}, kFourGpus));
  EXPECT_EQ(plan({.cpu = true}, kCpuOnly, {{"ACCELERATE_USE_CPU", "0"}}).device, DeviceKind::kCpu);
  EXPECT_THAT(error({}, kCpuOnly, {{"ACCELERATE_USE_CPU", "perhaps"}}),
              HasSubstr("ACCELERATE_USE_CPU: invalid truth value perhaps"));
}

TEST(LaunchPlan, TakesThePrecisionFromTheFlagThenTheEnvironment) {
  const Variables both = {{"ACCELERATE_MIXED_PRECISION", "bf16"}, {"MIXED_PRECISION", "fp16"}};
  EXPECT_EQ(plan({}, kCpuOnly).mixed_precision, MixedPrecision::kNo);
  EXPECT_EQ(plan({}, kCpuOnly, {{"MIXED_PRECISION", "fp16"}}).mixed_precision,
            MixedPrecision::kFp16);
  EXPECT_EQ(plan({}, kCpuOnly, both).mixed_precision, MixedPrecision::kBf16);
  EXPECT_EQ(plan({.mixed_precision = MixedPrecision::kNo}, kCpuOnly, both).mixed_precision,
            MixedPrecision::kNo);
  EXPECT_THAT(error({}, kCpuOnly, {{"MIXED_PRECISION", "half"}}),
              AllOf(HasSubstr("MIXED_PRECISION=half"), HasSubstr("choose one of no, fp16, bf16")));
}

TEST(LaunchPlan, DividesTheCoresOrObeysTheEnvironment) {
  EXPECT_EQ(plan({.num_processes = 3}, kCpuOnly).threads_per_process, 2);
  EXPECT_EQ(plan({.num_processes = 9}, kCpuOnly).threads_per_process, 1);
  EXPECT_EQ(plan({.num_processes = 2}, kCpuOnly, {{"OMP_NUM_THREADS", "3"}}).threads_per_process,
            3);
  EXPECT_EQ(plan({}, kCpuOnly, {{"OMP_NUM_THREADS", "6,2"}}).threads_per_process, 6);
  EXPECT_THAT(error({}, kCpuOnly, {{"OMP_NUM_THREADS", "0"}}),
              AllOf(HasSubstr("OMP_NUM_THREADS=0 is not valid"), HasSubstr("unset it")));
}

TEST(LaunchPlan, BindsEachProcessToItsCores) {
  const std::vector<CpuCore> cores = {{0, {0, 1}}, {0, {2, 3}}, {0, {4, 5}}};
  LaunchPlan made = plan({.num_processes = 2}, kCpuOnly);
  bind_to_cores(cores, made);
  EXPECT_EQ(made,
            (LaunchPlan{
                .num_processes = 2, .threads_per_process = 2, .cpu_sets = {{0, 1}, {2, 3, 4, 5}}}));
}

TEST(LaunchPlan, TakesAnyFreePortUnlessAskedForOne) {
  EXPECT_EQ(plan({}, kCpuOnly).main_process_port, 0);
  EXPECT_EQ(plan({.main_process_port = 29501}, kCpuOnly).main_process_port, 29501);
}

TEST(LaunchPlan, RefusesMoreProcessesThanGpus) {
  EXPECT_THAT(error({.num_processes = 5}, kFourGpus),
              AllOf(HasSubstr("--num_processes=5"), HasSubstr("this machine has 4 GPUs"),
                    HasSubstr("pass --num_processes=4 or less, or --cpu")));
}

TEST(LaunchPlan, RefusesMultiGpuWithFewerThanTwo) {
  const std::string sentence = "You need to use at least 2 processes to use `--multi_gpu`";
  EXPECT_THAT(error({.multi_gpu = true}, kOneGpu),
              AllOf(HasSubstr(sentence), HasSubstr("has 1 GPU "), HasSubstr("Leave out")));
  EXPECT_THAT(error({.multi_gpu = true}, kCpuOnly),
              AllOf(HasSubstr(sentence), HasSubstr("0 GPUs")));
  EXPECT_THAT(error({.num_processes = 4, .multi_gpu = true}, kOneGpu), HasSubstr(sentence));
  EXPECT_THAT(error({.num_processes = 1, .multi_gpu = true}, kFourGpus),
              AllOf(HasSubstr(sentence), HasSubstr("Pass --num_processes=2 or more")));
}

TEST(LaunchPlan, RefusesMultiGpuOnTheCpu) {
  const std::string sentence = "You can only use one of `--cpu`, `--multi_gpu` at a time";
  EXPECT_THAT(error({.cpu = true, .multi_gpu = true}, kFourGpus), HasSubstr(sentence));
  EXPECT_THAT(error({.multi_gpu = true}, kFourGpus, {{"ACCELERATE_USE_CPU", "1"}}),
              AllOf(HasSubstr(sentence), HasSubstr("ACCELERATE_USE_CPU is true")));
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
