#include "launcher/request/complete_request.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::TempDir;

using Variables = std::map<std::string, std::string>;

EnvironmentLookup lookup_in(Variables variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

std::string write_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

CompletedRequest complete(const LaunchRequest& request, const Variables& variables = {}) {
  Variables all = {{"HF_HOME", TempDir() + "/nothing_here"}};
  for (const auto& [name, value] : variables) all[name] = value;
  const auto completed = complete_request(request, lookup_in(all));
  EXPECT_TRUE(completed.ok()) << completed.status();
  return completed.ok() ? *completed : CompletedRequest{};
}

std::string error(const LaunchRequest& request, const Variables& variables) {
  return std::string(complete_request(request, lookup_in(variables)).status().message());
}

TEST(CompleteRequest, LeavesARequestAloneWhereNothingElseSaysAnything) {
  const LaunchRequest request = {.config = {.num_processes = 2}};
  EXPECT_EQ(complete(request).request, request);
}

// `config` writes one file for all machines, with machine_rank 0.
TEST(CompleteRequest, LeavesMachinesThatAreNumberedByThemselvesWithoutTheNumberOfTheFile) {
  const std::string file = write_file(TempDir() + "/numbers.yaml",
                                      "distributed_type: MULTI_CPU\n"
                                      "num_machines: 2\n"
                                      "machine_rank: 0\n");
  const auto rank = [&](const LaunchConfig& flags, const Variables& variables = {}) {
    return complete({.config = flags, .config_file = file}, variables).request.config.machine_rank;
  };
  EXPECT_EQ(rank({}), 0);
  EXPECT_EQ(rank({.rdzv_backend = "c10d"}), std::nullopt);
  EXPECT_EQ(rank({.machine_rank = 0, .rdzv_backend = "c10d"}), 0);
}

TEST(CompleteRequest, TakesEachValueFromFlagThenEnvironmentThenFile) {
  const std::string file = write_file(TempDir() + "/order.yaml",
                                      "distributed_type: MULTI_CPU\n"
                                      "use_cpu: true\n"
                                      "mixed_precision: fp16\n"
                                      "num_processes: 8\n"
                                      "same_network: true\n"
                                      "rdzv_backend: c10d\n"
                                      "enable_cpu_affinity: true\n"
                                      "gpu_ids: 0,1\n");
  const LaunchConfig from_file = complete({.config_file = file}).request.config;
  EXPECT_EQ(from_file, (LaunchConfig{.distributed_type = DistributedType::kMultiCpu,
                                     .mixed_precision = MixedPrecision::kFp16,
                                     .use_cpu = true,
                                     .num_processes = 8,
                                     .gpu_ids = "0,1",
                                     .enable_cpu_affinity = true,
                                     .rdzv_backend = "c10d",
                                     .same_network = true}));

  const Variables variables = {
      {"ACCELERATE_MIXED_PRECISION", "bf16"}, {"MIXED_PRECISION", "fp16"},
      {"ACCELERATE_USE_CPU", "no"},           {"ACCELERATE_CPU_AFFINITY", "0"},
      {"ACCELERATE_DEBUG_MODE", "true"},      {"CUDA_VISIBLE_DEVICES", "3"}};
  LaunchConfig expected = from_file;
  expected.mixed_precision = MixedPrecision::kBf16;
  expected.use_cpu = false;
  expected.enable_cpu_affinity = false;
  expected.debug = true;
  expected.gpu_ids = "3";
  EXPECT_EQ(complete({.config_file = file}, variables).request.config, expected);

  const LaunchConfig flags = {.distributed_type = DistributedType::kMultiGpu,
                              .mixed_precision = MixedPrecision::kNo,
                              .use_cpu = false,
                              .num_processes = 2,
                              .gpu_ids = "all"};
  expected.distributed_type = flags.distributed_type;
  expected.mixed_precision = flags.mixed_precision;
  expected.num_processes = 2;
  expected.gpu_ids = "all";
  const LaunchRequest request = complete({.config = flags, .config_file = file}, variables).request;
  EXPECT_EQ(request.config, expected);
  EXPECT_EQ(request.file, from_file);
}

TEST(CompleteRequest, TakesTheThreadsFromTheFlagThenTheEnvironment) {
  EXPECT_EQ(complete({}).request.threads_per_process, std::nullopt);
  EXPECT_EQ(complete({}, {{"OMP_NUM_THREADS", "6,2"}}).request.threads_per_process, 6);
  EXPECT_EQ(
      complete({.threads_per_process = 1}, {{"OMP_NUM_THREADS", "6"}}).request.threads_per_process,
      1);
}

TEST(CompleteRequest, FindsTheDefaultFileUnlessTheCpuIsTyped) {
  const std::string home = TempDir() + "/home";
  write_file(home + "/accelerate/default_config.yaml",
             "distributed_type: MULTI_CPU\nnum_processes: 3\ntpu_name: mine\n");
  const Variables variables = {{"HF_HOME", home}};
  const CompletedRequest completed = complete({}, variables);
  EXPECT_EQ(completed.request.config.num_processes, 3);
  EXPECT_THAT(completed.warnings, ElementsAre(HasSubstr("`tpu_name` has no effect here")));
  EXPECT_EQ(complete({.is_cpu_typed = true}, variables).request.file, std::nullopt);
  EXPECT_EQ(find_config({.is_cpu_typed = true}, lookup_in(variables)), std::nullopt);
  EXPECT_EQ(find_config({.config_file = "x", .is_cpu_typed = true}, lookup_in(variables)), "x");
  EXPECT_EQ(complete_from_environment({}, lookup_in(variables))->config, LaunchConfig{});
}

TEST(CompleteRequest, LeavesOutHowTheFileTrainsOnAcceleratorsWhereTheCpuIsTyped) {
  const LaunchRequest on_the_cpu = {.config = {.use_cpu = true}, .is_cpu_typed = true};
  for (const std::string type : {"MULTI_GPU", "FSDP", "DEEPSPEED", "MEGATRON_LM", "XLA"}) {
    LaunchRequest request = on_the_cpu;
    request.config_file =
        write_file(TempDir() + "/accelerators.yaml",
                   "distributed_type: " + type +
                       "\nnum_processes: 2\nparallelism_config: {parallelism_config_tp_size: 2}\n");
    EXPECT_EQ(
        complete(request).request.config,
        (LaunchConfig{
            .distributed_type = DistributedType::kMultiCpu, .use_cpu = true, .num_processes = 2}))
        << type;
  }
  LaunchRequest request = on_the_cpu;
  request.config_file = write_file(TempDir() + "/no.yaml", "distributed_type: 'NO'\n");
  EXPECT_EQ(complete(request).request.config.distributed_type, DistributedType::kNo);
}

TEST(CompleteRequest, NamesTheVariableOrFileThatIsWrong) {
  EXPECT_THAT(error({}, {{"MIXED_PRECISION", "half"}}),
              AllOf(HasSubstr("MIXED_PRECISION=half is not valid"),
                    HasSubstr("choose one of no, fp16, bf16, fp8")));
  EXPECT_THAT(error({}, {{"ACCELERATE_USE_CPU", "perhaps"}}),
              HasSubstr("ACCELERATE_USE_CPU: invalid truth value perhaps"));
  EXPECT_THAT(error({}, {{"OMP_NUM_THREADS", "0"}}),
              AllOf(HasSubstr("OMP_NUM_THREADS=0 is not valid"), HasSubstr("unset it")));
  EXPECT_THAT(error({.config_file = "none.yaml"}, {}),
              HasSubstr("configuration file `none.yaml` does not exist"));
}

TEST(CompleteRequest, CountsForThisMachineWhateverAFileCountsForAll) {
  const std::string file =
      write_file(TempDir() + "/counts.yaml",
                 "distributed_type: MULTI_CPU\nnum_processes: 8\nnum_machines: 2\n");
  const LaunchRequest request = complete({.config_file = file, .processes_per_machine = 3}).request;
  EXPECT_EQ(request.processes_per_machine, 3);
  EXPECT_EQ(request.config.num_processes, std::nullopt);
  EXPECT_EQ(request.config.num_machines, 2);
}

}  // namespace
}  // namespace accelerate::launcher
