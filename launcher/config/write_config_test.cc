#include "launcher/config/write_config.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

TEST(FormatConfig, WritesTheBaseKeysAsAccelerateDoes) {
  EXPECT_EQ(
      *format_config(with_base_keys({.distributed_type = DistributedType::kNo, .use_cpu = true}),
                     "my.yaml"),
      "compute_environment: LOCAL_MACHINE\ndebug: false\ndistributed_type: 'NO'\n"
      "downcast_bf16: 'no'\nenable_cpu_affinity: false\nmachine_rank: 0\n"
      "main_training_function: main\nmixed_precision: 'no'\nnum_machines: 1\n"
      "num_processes: 1\nrdzv_backend: static\nsame_network: true\ntpu_env: []\n"
      "tpu_use_cluster: false\ntpu_use_sudo: false\nuse_cpu: true\n");
}

TEST(FormatConfig, LeavesOutWhatHasNoValue) {
  EXPECT_EQ(*format_config({}, "my.yaml"), "{}\n");
  EXPECT_EQ(*format_config({}, "my.json"), "{}\n");
  EXPECT_EQ(*format_config({.distributed_type = DistributedType::kFsdp,
                            .fsdp_config = {{"fsdp_version", "2"}}},
                           "my.json"),
            "{\n  \"distributed_type\": \"FSDP\",\n  \"fsdp_config\": {\n    \"fsdp_version\": 2\n"
            "  }\n}\n");
}

TEST(FormatConfig, WritesOnlyUsualNumbersWithoutQuotes) {
  const LaunchConfig config = {.deepspeed_config = {{"a", "true"},
                                                    {"b", "yes"},
                                                    {"c", "1.0"},
                                                    {"d", "1e8"},
                                                    {"e", "0x10"},
                                                    {"f", ""},
                                                    {"g", ".inf"},
                                                    {"yes", "null"}}};
  EXPECT_EQ(*format_config(config, "my.yaml"),
            "deepspeed_config:\n  a: true\n  b: 'yes'\n  c: 1.0\n  d: 1e8\n  e: '0x10'\n"
            "  f: ''\n  g: .inf\n  'yes': 'null'\n");
  EXPECT_THAT(*format_config(config, "my.json"), HasSubstr("\"d\": \"1e8\",\n"));
  EXPECT_THAT(*format_config(config, "my.json"), HasSubstr("\"g\": \".inf\",\n"));
}

TEST(FormatConfig, KeepsATextForAListAsItIs) {
  EXPECT_EQ(*format_config({.fp8_config = {{"override_linear_precision", "(true, true, false)"}}},
                           "my.yaml"),
            "fp8_config:\n  override_linear_precision: (true, true, false)\n");
}

TEST(FormatConfig, WritesWhatBelongsToSagemaker) {
  const std::string text =
      "additional_args:\n  epochs: 3\ncompute_environment: AMAZON_SAGEMAKER\n"
      "distributed_type: MODEL_PARALLEL\nec2_instance_type: ml.p3.2xlarge\nnum_machines: 2\n"
      "pytorch_version: '1.10'\n";
  EXPECT_EQ(*format_config(parse_ok(text).config, "my.yaml"), text);
  EXPECT_EQ(fill_missing_values(parse_ok(text).config), parse_ok(text).config);
}

TEST(FormatConfig, RefusesWhatNoFileCanHold) {
  const auto error = [](const LaunchConfig& config) {
    return std::string(format_config(config, "my.yaml").status().message());
  };
  EXPECT_THAT(error({.main_process_ip = "\xff"}),
              HasSubstr("The config main_process_ip has a text that is not UTF-8"));
  EXPECT_THAT(error({.tpu_env = {{std::string(1, '\0')}}}), HasSubstr("The config tpu_env has"));
  EXPECT_THAT(error({.fsdp_config = {{"a b", "1"}}}),
              HasSubstr("The config fsdp_config has the key \"a b\", which is not a name"));
  EXPECT_THAT(error({.fsdp_config = {{"", "1"}}}), HasSubstr("has the key \"\""));
}

TEST(WriteConfig, WritesWhatReadConfigReads) {
  const std::string folder = make_folder();
  const LaunchConfig config =
      with_base_keys({.distributed_type = DistributedType::kMultiGpu, .num_processes = 2});
  for (const std::string name : {"/a/config.yaml", "/config.json", "/config"}) {
    ASSERT_TRUE(write_config(config, folder + name).ok());
    const auto read = read_config(folder + name);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->config, config);
  }
  EXPECT_EQ(read_text(folder + "/config.json").front(), '{');
  EXPECT_EQ(write_config({}, folder + "/config").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(write_config({.tpu_name = "\xff"}, folder + "/config", {.overwrite = true}).ok());
  EXPECT_EQ(read_config(folder + "/config")->config, config);
}

}  // namespace
}  // namespace accelerate::launcher
