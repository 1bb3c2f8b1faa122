// Who has the last word where flags, environment and config file say different things.

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/program_variables.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

// What somebody says, and on a machine with four GPUs.
struct Sayings {
  std::vector<std::string> flags = {};
  std::map<std::string, std::string> variables = {};
  std::string file = "";
};

constexpr char kOnCpu[] = "distributed_type: MULTI_CPU\nuse_cpu: true\nnum_processes: 3\n";
constexpr char kOnGpus[] = "distributed_type: MULTI_GPU\nnum_processes: 4\ngpu_ids: 2,3\n";

absl::StatusOr<LaunchPlan> make_plan(const Sayings& sayings) {
  std::vector<std::string> words = sayings.flags;
  if (!sayings.file.empty()) {
    const std::string path = testing::TempDir() + "/config.yaml";
    std::ofstream(path) << sayings.file;
    words.push_back("--config_file=" + path);
  }
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = sayings.variables.find(name);
    if (found != sayings.variables.end()) return found->second;
    if (name == "HF_HOME") return "/nonexistent";
    return std::nullopt;
  };
  const auto request = parse_launch_command(words);
  if (!request.ok()) return request.status();
  const auto completed = complete_request(*request, lookup);
  if (!completed.ok()) return completed.status();
  return make_launch_plan(completed->request, ProgramOrigin::kElsewhere,
                          {.num_gpus = 4, .num_cores = 8}, lookup);
}

LaunchPlan plan(const Sayings& sayings) {
  const auto made = make_plan(sayings);
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *made : LaunchPlan{.num_processes = -1};
}

std::optional<std::string> variable(const Sayings& sayings, const std::string& name) {
  const Command script = {.kind = ProgramKind::kPythonScript, .argv = {"python3", "train.py"}};
  const auto nothing = [](const std::string&) { return std::nullopt; };
  const EnvironmentChanges variables = program_variables(plan(sayings), script, {}, {}, nothing);
  const auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : found->second;
}

TEST(Precedence, OfTheDevice) {
  const auto device = [](const Sayings& sayings) { return plan(sayings).device; };
  EXPECT_EQ(device({}), DeviceKind::kGpu);
  EXPECT_EQ(device({.file = kOnCpu}), DeviceKind::kCpu);
  EXPECT_EQ(device({.variables = {{"ACCELERATE_USE_CPU", "1"}}}), DeviceKind::kCpu);
  EXPECT_EQ(device({.variables = {{"ACCELERATE_USE_CPU", "1"}}, .file = kOnGpus}),
            DeviceKind::kCpu);
  EXPECT_EQ(device({.flags = {"--multi_gpu"}, .variables = {{"ACCELERATE_USE_CPU", "1"}}}),
            DeviceKind::kGpu);
  EXPECT_EQ(device({.flags = {"--multi_gpu"}, .file = kOnCpu}), DeviceKind::kGpu);
  EXPECT_EQ(device({.flags = {"--cpu"}, .variables = {{"ACCELERATE_USE_CPU", "0"}}}),
            DeviceKind::kCpu);
  EXPECT_EQ(device({.flags = {"--cpu"}, .file = kOnGpus}), DeviceKind::kCpu);
  // That it need not be the CPU takes nothing from a file that asks for several processes on it.
  EXPECT_EQ(device({.variables = {{"ACCELERATE_USE_CPU", "0"}}, .file = kOnCpu}), DeviceKind::kCpu);
}

TEST(Precedence, OfTheDeviceIsTold) {
  const Sayings sayings = {.flags = {"--multi_gpu"}, .variables = {{"ACCELERATE_USE_CPU", "1"}}};
  EXPECT_EQ(variable(sayings, "ACCELERATE_USE_CPU"), "False");
}

TEST(Precedence, OfTheNumberOfProcesses) {
  EXPECT_EQ(plan({}).num_processes, 4);
  EXPECT_EQ(plan({.flags = {"--cpu"}}).num_processes, 1);
  EXPECT_EQ(plan({.file = kOnCpu}).num_processes, 3);
  EXPECT_EQ(plan({.flags = {"--cpu"}, .file = kOnGpus}).num_processes, 4);
  EXPECT_EQ(plan({.flags = {"--num_processes=2"}, .file = kOnCpu}).num_processes, 2);
  EXPECT_EQ(plan({.file = "distributed_type: 'NO'\n"}).num_processes, 1);
}

// Ids are CUDA's, whatever an outer CUDA_VISIBLE_DEVICES shows.
TEST(Precedence, OfTheVisibleGpus) {
  const auto visible = [](const Sayings& sayings) {
    return variable(sayings, "CUDA_VISIBLE_DEVICES");
  };
  EXPECT_EQ(visible({}), std::nullopt);
  EXPECT_EQ(visible({.file = kOnGpus}), "2,3");
  EXPECT_EQ(visible({.variables = {{"CUDA_VISIBLE_DEVICES", "0,1"}}, .file = kOnGpus}), "0,1");
  EXPECT_EQ(visible({.flags = {"--gpu_ids=3,1"}, .variables = {{"CUDA_VISIBLE_DEVICES", "0,1"}}}),
            "3,1");
  EXPECT_EQ(visible({.flags = {"--gpu_ids=1,2"}, .file = kOnGpus}), "1,2");
  // All that are visible, so nothing changes.
  EXPECT_EQ(visible({.flags = {"--gpu_ids=all"}, .variables = {{"CUDA_VISIBLE_DEVICES", "0,1"}}}),
            std::nullopt);
  EXPECT_EQ(visible({.flags = {"--gpu_ids=all"}, .file = kOnGpus}), std::nullopt);
}

TEST(Precedence, OfOneVisibleGpuOverSeveral) {
  const auto refused =
      make_plan({.variables = {{"CUDA_VISIBLE_DEVICES", "1"}}, .file = kOnGpus}).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Less than two GPU ids were configured"));
}

TEST(Precedence, OfThePrecision) {
  const auto precision = [](const Sayings& sayings) {
    return variable(sayings, "ACCELERATE_MIXED_PRECISION");
  };
  const std::string file = "distributed_type: 'NO'\nmixed_precision: fp8\n";
  const std::map<std::string, std::string> variables = {{"ACCELERATE_MIXED_PRECISION", "bf16"}};
  EXPECT_EQ(precision({}), "no");
  EXPECT_EQ(precision({.file = file}), "fp8");
  EXPECT_EQ(precision({.variables = variables, .file = file}), "bf16");
  EXPECT_EQ(precision({.flags = {"--mixed_precision=fp16"}, .variables = variables, .file = file}),
            "fp16");
}

TEST(Precedence, OfTheThreads) {
  EXPECT_EQ(plan({.flags = {"--cpu"}}).threads_per_process, 8);
  EXPECT_EQ(plan({.variables = {{"OMP_NUM_THREADS", "5"}}}).threads_per_process, 5);
  EXPECT_EQ(
      plan({.flags = {"--num_cpu_threads_per_process=2"}, .variables = {{"OMP_NUM_THREADS", "5"}}})
          .threads_per_process,
      2);
}

TEST(Precedence, OfSwitches) {
  const std::string file =
      "distributed_type: 'NO'\nuse_cpu: true\ndebug: true\nenable_cpu_affinity: true\n";
  const std::map<std::string, std::string> off = {{"ACCELERATE_DEBUG_MODE", "0"},
                                                  {"ACCELERATE_CPU_AFFINITY", "0"}};
  EXPECT_EQ(variable({.file = file}, "ACCELERATE_DEBUG_MODE"), "true");
  EXPECT_EQ(variable({.variables = off, .file = file}, "ACCELERATE_DEBUG_MODE"), std::nullopt);
  EXPECT_EQ(variable({.flags = {"--debug"}, .variables = off}, "ACCELERATE_DEBUG_MODE"), "true");
  EXPECT_FALSE(plan({.file = file}).cpu_sets.empty());
  EXPECT_TRUE(plan({.variables = off, .file = file}).cpu_sets.empty());
  EXPECT_FALSE(plan({.flags = {"--enable_cpu_affinity"}, .variables = off}).cpu_sets.empty());
}

TEST(Precedence, OfTheKindOfDistribution) {
  const std::string file =
      "distributed_type: FSDP\nnum_processes: 2\nfsdp_config:\n  fsdp_version: 2\n";
  EXPECT_EQ(variable({.file = file}, "FSDP_VERSION"), "2");
  EXPECT_EQ(variable({.flags = {"--fsdp_version=1"}, .file = file}, "FSDP_VERSION"), "1");
  EXPECT_EQ(variable({.flags = {"--multi_gpu"}, .file = file}, "ACCELERATE_USE_FSDP"),
            std::nullopt);
  EXPECT_EQ(variable({.flags = {"--use_fsdp"}, .file = kOnGpus}, "ACCELERATE_USE_FSDP"), "true");
}

}  // namespace
}  // namespace accelerate::launcher
