// Files that Accelerate 1.15.0 wrote, and files of ours that it has read:
// testing/recordings/record_config_files.py says how both came to be.
#include <cstdlib>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/read_config.h"
#include "launcher/config/write_config.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ReferenceFiles, AreWrittenAgainByteForByte) {
  for (const auto& [name, text] : read_testdata("reference")) {
    const ReadConfig read = parse_ok(text, name);
    // `config default` writes JSON even where the name says YAML.
    const std::string path = text[0] == '{' ? "default.json" : name;
    EXPECT_EQ(*format_config(read.config, path), text) << name;
    EXPECT_EQ(parse_ok(*format_config(read.config, "my.yaml")).config, read.config) << name;
    EXPECT_EQ(parse_ok(*format_config(read.config, "my.json"), "my.json").config, read.config)
        << name;
  }
}

TEST(ReferenceFiles, GiveNoWarningButForWhatIsNotUsedHere) {
  for (const auto& [name, text] : read_testdata("reference")) {
    const std::vector<std::string> warnings = parse_ok(text, name).warnings;
    if (absl::StartsWith(name, "tpu")) {
      EXPECT_THAT(warnings, ElementsAre(HasSubstr("`commands`"), HasSubstr("`tpu_env`"),
                                        HasSubstr("`tpu_name`"), HasSubstr("`tpu_use_cluster`"),
                                        HasSubstr("`tpu_zone`")))
          << name;
    } else {
      EXPECT_THAT(warnings, IsEmpty()) << name;
    }
  }
}

TEST(ReferenceFiles, SayWhatWasAnswered) {
  const auto files = read_testdata("reference");
  const LaunchConfig mpirun = parse_ok(files.at("multi_cpu_mpirun.yaml")).config;
  EXPECT_EQ(mpirun,
            with_base_keys({.distributed_type = DistributedType::kMultiCpu,
                            .use_cpu = true,
                            .num_processes = 16,
                            .num_machines = 4,
                            .machine_rank = 1,
                            .main_process_ip = "10.0.0.1",
                            .main_process_port = 29501,
                            .mpirun_config = {{"mpirun_hostfile", "/home/user/hostfile"}}}));
  EXPECT_EQ(mpirun.mpirun_hostfile(), "/home/user/hostfile");
  EXPECT_EQ(parse_ok(files.at("multi_gpu_one_id.yaml")).config,
            with_base_keys({.distributed_type = DistributedType::kMultiGpu,
                            .debug = true,
                            .num_processes = 2,
                            .gpu_ids = "0"}));
  const LaunchConfig fsdp = parse_ok(files.at("fsdp2.json"), "fsdp2.json").config;
  EXPECT_EQ(fsdp.distributed_type, DistributedType::kFsdp);
  EXPECT_THAT(
      fsdp.fsdp_config,
      ElementsAre(Pair("fsdp_activation_checkpointing", "false"),
                  Pair("fsdp_auto_wrap_policy", "SIZE_BASED_WRAP"),
                  Pair("fsdp_cpu_ram_efficient_loading", "true"),
                  Pair("fsdp_min_num_params", "100000000"), Pair("fsdp_offload_params", "false"),
                  Pair("fsdp_reshard_after_forward", "true"),
                  Pair("fsdp_state_dict_type", "SHARDED_STATE_DICT"), Pair("fsdp_version", "2")));
  EXPECT_EQ(parse_ok(files.at("fp8.yaml")).config.fp8_config.at("override_linear_precision"),
            "false,false,false");
}

TEST(FillMissingValues, MakesWhatConfigUpdateDoes) {
  const auto updated = read_testdata("updated");
  for (const auto& [name, text] : read_testdata("sparse")) {
    const LaunchConfig config = parse_ok(text, name).config;
    EXPECT_EQ(*format_config(fill_missing_values(config), name), updated.at(name)) << name;
  }
}

// What is in testdata/written, all of which Accelerate has read.
std::map<std::string, LaunchConfig> written_configs() {
  std::map<std::string, LaunchConfig> configs = {
      {"smallest.yaml", {.distributed_type = DistributedType::kNo, .num_processes = 1}},
      {"multi_cpu.yaml",
       {.distributed_type = DistributedType::kMultiCpu, .use_cpu = true, .num_processes = 4}},
      {"multi_node.json",
       {.distributed_type = DistributedType::kMultiGpu,
        .mixed_precision = MixedPrecision::kBf16,
        .debug = true,
        .num_processes = 8,
        .num_machines = 2,
        .machine_rank = 1,
        .gpu_ids = "0,1,2,3",
        .enable_cpu_affinity = true,
        .main_process_ip = "node-0.example",
        .main_process_port = 0,
        .rdzv_backend = "c10d",
        .same_network = false}},
      {"sections.yaml",
       {.distributed_type = DistributedType::kFsdp,
        .mixed_precision = MixedPrecision::kFp8,
        .num_processes = 4,
        .gpu_ids = "0",
        .mpirun_config = {{"mpirun_hostfile", "/a folder/host file"}},
        .fsdp_config = {{"fsdp_version", "2"},
                        {"fsdp_offload_params", "false"},
                        {"fsdp_state_dict_type", "FULL_STATE_DICT"},
                        {"fsdp_min_num_params", "100000000"},
                        {"fsdp_transformer_layer_cls_to_wrap", ""}},
        .deepspeed_config = {{"gradient_clipping", "1.0"},
                             {"offload_param_nvme_path", "1:30"},
                             {"zero_stage", "0x3"}},
        .parallelism_config = {{"parallelism_config_tp_size", "1"}},
        .fp8_config = {{"backend", "TE"}, {"override_linear_precision", "true,false,false"}},
        .dynamo_config = {{"dynamo_backend", "NO"}, {"dynamo_mode", "yes"}},
        .megatron_lm_config = {{"megatron_lm_gradient_clipping", "1.5e-05"}}}},
      {"texts.yaml",
       {.distributed_type = DistributedType::kXla,
        .num_processes = 8,
        .main_training_function = "'main': it's # one",
        .downcast_bf16 = "yes",
        .tpu_name = "Zürich 日本 😀",
        .tpu_zone = "null",
        .command_file = std::string(50, 'x') + " y " + std::string(60, 'z') + " end",
        .commands = {{"echo 'a' && " + std::string(80, 'b') + " c", "two\nlines", "- no"}},
        .tpu_vm = {{"", "1", "~"}},
        .tpu_env = {{"A=\"b\"", "\tB", "true"}}}},
  };
  for (auto& [name, config] : configs) {
    if (name != "smallest.yaml") config = fill_missing_values(config);
  }
  return configs;
}

TEST(WrittenFiles, AreThoseThatAccelerateHasRead) {
  const char* folder = std::getenv("WRITE_TESTDATA");
  const auto recorded = folder ? std::map<std::string, std::string>() : read_testdata("written");
  for (const auto& [name, config] : written_configs()) {
    if (folder != nullptr) {
      ASSERT_TRUE(write_config(config, folder + ("/" + name), {.overwrite = true}).ok());
      continue;
    }
    ASSERT_TRUE(recorded.contains(name)) << name;
    EXPECT_EQ(*format_config(config, name), recorded.at(name)) << name;
    EXPECT_EQ(parse_ok(recorded.at(name), name).config, config) << name;
  }
}

}  // namespace
}  // namespace accelerate::launcher
