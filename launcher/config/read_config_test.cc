#include "launcher/config/read_config.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_node.h"
#include "launcher/config/config_testing.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What follows the one key that every file must have.
std::string with_type(const std::string& lines) { return "distributed_type: 'NO'\n" + lines; }

LaunchConfig config_of(const std::string& lines) { return parse_ok(with_type(lines)).config; }

std::vector<std::string> warnings_of(const std::string& lines) {
  return parse_ok(with_type(lines)).warnings;
}

// Of a file in which `lines` begin at line 2.
std::string error_of(const std::string& lines) { return parse_error(with_type(lines)); }

TEST(ReadConfig, KnowsEveryScalar) {
  EXPECT_EQ(parse_ok("compute_environment: LOCAL_MACHINE\n"
                     "distributed_type: MULTI_GPU\n"
                     "mixed_precision: bf16\n"
                     "use_cpu: false\n"
                     "debug: true\n"
                     "num_processes: 8\n"
                     "num_machines: 2\n"
                     "machine_rank: 1\n"
                     "gpu_ids: 0,1,2,3\n"
                     "enable_cpu_affinity: true\n"
                     "main_process_ip: 10.0.0.1\n"
                     "main_process_port: 29500\n"
                     "rdzv_backend: c10d\n"
                     "same_network: false\n")
                .config,
            (LaunchConfig{.compute_environment = ComputeEnvironment::kLocalMachine,
                          .distributed_type = DistributedType::kMultiGpu,
                          .mixed_precision = MixedPrecision::kBf16,
                          .use_cpu = false,
                          .debug = true,
                          .num_processes = 8,
                          .num_machines = 2,
                          .machine_rank = 1,
                          .gpu_ids = "0,1,2,3",
                          .enable_cpu_affinity = true,
                          .main_process_ip = "10.0.0.1",
                          .main_process_port = 29500,
                          .rdzv_backend = "c10d",
                          .same_network = false}));
}

TEST(ReadConfig, LoadsOldFilesWithoutALine) {
  const ReadConfig read = parse_ok(
      "compute_environment: LOCAL_MACHINE\ndeepspeed_config: {}\ndistributed_type: 'NO'\n"
      "downcast_bf16: 'no'\nfsdp_config: {}\nmachine_rank: 0\nmain_process_ip: null\n"
      "main_process_port: null\nmain_training_function: main\nmegatron_lm_config: {}\n"
      "mixed_precision: 'no'\nnum_machines: 1\nnum_processes: 1\nuse_cpu: false\n"
      "ipex_config:\n  ipex: false\ntpu_vm: ['']\ncommands: null\ntpu_cluster: no\n"
      "dynamo_config:\n  dynamo_backend: 'NO'\n  dynamo_mode: default\n");
  EXPECT_THAT(read.warnings, IsEmpty());
  EXPECT_EQ(read.config.main_process_ip, std::nullopt);
  EXPECT_EQ(read.config.num_processes, 1);
}

TEST(ReadConfig, KnowsAllDistributedTypes) {
  for (const std::string& word : distributed_type_words()) {
    const auto type = parse_ok("distributed_type: '" + word + "'").config.distributed_type;
    ASSERT_TRUE(type.has_value()) << word;
    EXPECT_EQ(to_string(*type), word);
  }
  EXPECT_EQ(parse_ok("distributed_type: NO").config.distributed_type, DistributedType::kNo);
  EXPECT_EQ(parse_ok("distributed_type: TPU").config.distributed_type, DistributedType::kXla);
  EXPECT_EQ(parse_ok("distributed_type: MPS").config.distributed_type, DistributedType::kNo);
}

TEST(ReadConfig, TakesTruthValuesNumbersAndWordsAsAccelerateDoes) {
  for (const std::string word : {"true", "yes", "on", "y", "T", "1", "'1'", "'True'", "\"yes\""}) {
    EXPECT_EQ(config_of("use_cpu: " + word).use_cpu, true) << word;
  }
  for (const std::string word : {"false", "NO", "off", "n", "F", "0", "'0'", "'no'"}) {
    EXPECT_EQ(config_of("use_cpu: " + word).use_cpu, false) << word;
  }
  EXPECT_EQ(config_of("num_processes: '4'").num_processes, 4);
  EXPECT_EQ(config_of("main_process_port: 0x10").main_process_port, 16);
  EXPECT_EQ(config_of("main_process_port: 0").main_process_port, 0);
  EXPECT_EQ(config_of("num_processes: -1").num_processes, std::nullopt);
  EXPECT_EQ(config_of("gpu_ids: 0").gpu_ids, "0");
  EXPECT_EQ(config_of("gpu_ids: ''").gpu_ids, std::nullopt);
  for (const std::string word : {"no", "NO", "'no'", "fp32"}) {
    EXPECT_EQ(config_of("mixed_precision: " + word).mixed_precision, MixedPrecision::kNo) << word;
  }
  EXPECT_EQ(config_of("mixed_precision: FP8").mixed_precision, MixedPrecision::kFp8);
}

TEST(ReadConfig, TurnsOldKeysIntoNewOnes) {
  EXPECT_EQ(config_of("fp16: true").mixed_precision, MixedPrecision::kFp16);
  EXPECT_EQ(config_of("fp16: false").mixed_precision, std::nullopt);
  EXPECT_EQ(config_of("fp16: true\nmixed_precision: bf16").mixed_precision, MixedPrecision::kBf16);
  EXPECT_THAT(config_of("dynamo_backend: INDUCTOR").dynamo_config,
              ElementsAre(Pair("dynamo_backend", "INDUCTOR")));
  EXPECT_THAT(config_of("dynamo_backend: NO").dynamo_config, IsEmpty());
  EXPECT_THAT(error_of("fp16: maybe"), StartsWith("my.yaml:2: `fp16` takes true or false"));
  EXPECT_THAT(error_of("dynamo_backend: []"), StartsWith("my.yaml:2: `dynamo_backend` takes"));
}

TEST(ReadConfig, KeepsSectionsAsTexts) {
  const LaunchConfig config = config_of(
      "fsdp_config:\n  offload_params: no\n  fsdp_version: 2\n  fsdp_min_num_params: 1e8\n"
      "  fsdp_state_dict_type: SHARDED_STATE_DICT\n  fsdp_backward_prefetch: null\n"
      "deepspeed_config: {gradient_clipping: 1.0, zero_stage: '3'}\n"
      "fp8_config:\n  override_linear_precision: [false, no, true]\n");
  EXPECT_THAT(config.fsdp_config,
              ElementsAre(Pair("fsdp_min_num_params", "1e8"),
                          Pair("fsdp_state_dict_type", "SHARDED_STATE_DICT"),
                          Pair("fsdp_version", "2"), Pair("offload_params", "false")));
  EXPECT_THAT(config.deepspeed_config,
              ElementsAre(Pair("gradient_clipping", "1.0"), Pair("zero_stage", "3")));
  EXPECT_THAT(config.fp8_config,
              ElementsAre(Pair("override_linear_precision", "false,false,true")));
}

TEST(ReadConfig, WarnsOfWhatMeansNothingHere) {
  EXPECT_THAT(
      warnings_of("tpu_name: my-tpu\nmain_training_function: train\n"),
      ElementsAre(
          "my.yaml:2: `tpu_name` has no effect here and is ignored; remove it to silence this.",
          HasSubstr(":3: `main_training_function` has no effect here")));
  for (const std::string line :
       {"tpu_use_cluster: true", "downcast_bf16: 'yes'", "tpu_env: [A=1]", "commands: [ls]",
        "command_file: setup.sh", "ipex_config: {ipex: true}", "tp_config: {tp_size: 2}",
        "region: us-east-1"}) {
    EXPECT_THAT(warnings_of(line),
                ElementsAre(AllOf(StartsWith("my.yaml:2: `" + line.substr(0, line.find(':'))),
                                  HasSubstr("has no effect here"))))
        << line;
  }
}

TEST(ReadConfig, WarnsOnceOfAConfigForSagemaker) {
  const ReadConfig read = parse_ok(
      "compute_environment: AMAZON_SAGEMAKER\ndistributed_type: DATA_PARALLEL\n"
      "ec2_instance_type: ml.p3.2xlarge\npytorch_version: 1.10\nregion: us-east-1\n"
      "additional_args: {epochs: 3}\n");
  EXPECT_THAT(read.warnings,
              ElementsAre(HasSubstr(":1: `compute_environment: AMAZON_SAGEMAKER` and the keys")));
  EXPECT_EQ(read.config.distributed_type, DistributedType::kSagemakerDataParallel);
  EXPECT_EQ(read.config.sagemaker.at("pytorch_version"), "1.10");
  EXPECT_EQ(read.config.additional_args.at("epochs"), "3");
}

TEST(ReadConfig, WarnsOfAKeyThatASectionDoesNotHave) {
  EXPECT_THAT(warnings_of("fsdp_config:\n  fsdp_offload_param: true\n"),
              ElementsAre("my.yaml:3: `fsdp_config` has no key `fsdp_offload_param`; did you mean "
                          "`fsdp_offload_params`? It is passed on to Python programs as it is."));
  EXPECT_THAT(warnings_of("mpirun_config: {colour: red}"),
              ElementsAre(EndsWith("no key `colour`; it is passed on to Python programs as it "
                                   "is.")));
  EXPECT_THAT(warnings_of("fsdp_config: {offload_params: true}"), IsEmpty());
}

TEST(ReadConfig, RefusesUnknownKeysWithTheNearest) {
  EXPECT_EQ(
      error_of("num_proceses: 2"),
      "my.yaml:2: `num_proceses` is not a key of a config file; did you mean `num_processes`?");
  EXPECT_EQ(error_of("invalid_key: x\nanother_invalid_key: y\n"),
            "my.yaml:2: `invalid_key` is not a key of a config file; remove it.\nmy.yaml:3: "
            "`another_invalid_key` is not a key of a config file; remove it.");
  EXPECT_EQ(error_of("rdzv_conf: a=1"),
            "my.yaml:2: `rdzv_conf` is a flag, not a key of a config file; remove it and pass "
            "--rdzv_conf.");
  EXPECT_THAT(error_of("'a\\nb': 1"), HasSubstr(":2: \"a\\\\nb\" is not a key"));
  EXPECT_THAT(error_of("<<: {debug: true}"), HasSubstr(":2: \"<<\" is not a key"));
}

TEST(ReadConfig, RefusesWrongValuesWithARemedy) {
  EXPECT_EQ(
      error_of("num_processes: two"),
      "my.yaml:2: `num_processes` takes a whole number from 1 to 1000000, not \"two\"; write for "
      "example `num_processes: 1`.");
  for (const std::string value : {"0", "-2", "1.5", "true", "[1]", "{a: 1}", "99999999999", "''"}) {
    EXPECT_THAT(error_of("num_processes: " + value), StartsWith("my.yaml:2: `num_processes` takes"))
        << value;
  }
  EXPECT_THAT(
      error_of("main_process_port: 65536"),
      HasSubstr("from 0 to 65535, not \"65536\"; write for example `main_process_port: 29500`."));
  EXPECT_EQ(error_of("use_cpu: maybe"),
            "my.yaml:2: `use_cpu` takes true or false, not \"maybe\"; write `use_cpu: true` or "
            "`use_cpu: false`.");
  EXPECT_THAT(error_of("use_cpu: {a: true}"), HasSubstr("not a section of keys"));
  EXPECT_THAT(error_of("gpu_ids: [0, 1]"), HasSubstr("not a list; write for example `gpu_ids: 0"));
  EXPECT_THAT(error_of("main_process_ip: yes"), HasSubstr("takes a text, not \"yes\""));
  EXPECT_THAT(error_of("mixed_precision: fp17"),
              HasSubstr("\"fp17\" is not valid; did you mean `fp16`? It takes one of no, fp16"));
  EXPECT_THAT(parse_error("distributed_type: MULTI_GPUS"),
              AllOf(StartsWith("my.yaml:1: `distributed_type`: \"MULTI_GPUS\" is not valid; did "
                               "you mean `MULTI_GPU`? It takes one of NO, MULTI_CPU, "),
                    EndsWith(", MODEL_PARALLEL.")));
  EXPECT_THAT(parse_error("distributed_type: [NO]"), HasSubstr("a list is not valid. It takes"));
  EXPECT_THAT(error_of("fsdp_config: 1"), HasSubstr("takes a section of keys, not \"1\""));
  EXPECT_THAT(error_of("fsdp_config: {a: [b]}"), HasSubstr("`a` takes a single value, not a list"));
  EXPECT_THAT(error_of("fsdp_config: {a b: 1}"), HasSubstr("has the key \"a b\""));
  EXPECT_THAT(error_of("fp8_config: {override_linear_precision: [1, 2]}"),
              HasSubstr("takes a list of truth values"));
  EXPECT_THAT(error_of("tpu_env: A=1"), HasSubstr("takes a list of texts, not \"A=1\""));
}

TEST(ReadConfig, InsistsOnADistributedType) {
  for (const std::string text : {"num_processes: 2", "distributed_type: null", "{}"}) {
    EXPECT_THAT(parse_error(text),
                StartsWith("my.yaml: A `distributed_type` must be specified in the config file;"));
  }
}

TEST(ReadConfig, ReportsAllErrorsUpToALimit) {
  EXPECT_EQ(error_of("debug: x\nuse_cpu: x"),
            "my.yaml:2: `debug` takes true or false, not \"x\"; write `debug: true` or `debug: "
            "false`.\nmy.yaml:3: `use_cpu` takes true or false, not \"x\"; write `use_cpu: true` "
            "or `use_cpu: false`.");
  std::string lines;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&lines, "unknown_", i, ": 1\n");
  EXPECT_THAT(error_of(lines), EndsWith("\nand 990 more."));
  EXPECT_THAT(error_of(std::string(100000, 'x') + ": 1"), SizeIs(::testing::Lt(200u)));
}

TEST(ReadConfig, ReadsJsonByItsSuffixAndWithinYaml) {
  const std::string text = "{\n\t\"distributed_type\": \"NO\",\n  \"num_processes\": 2\n}\n";
  EXPECT_EQ(parse_ok(text, "my.json").config.num_processes, 2);
  EXPECT_EQ(parse_ok(text, "my.yaml").config, parse_ok(text, "my.json").config);
  EXPECT_EQ(parse_ok(R"({"distributed_type": "NO", "tpu_name": "\ud83d\ude00", "tpu_zone": null})",
                     "my.json")
                .config.tpu_name,
            "😀");
  EXPECT_THAT(parse_error("debug: true", "my.json"),
              AllOf(StartsWith("my.json:1: this is not JSON ("), HasSubstr("correct it")));
  EXPECT_THAT(parse_error("{\n\"distributed_type\": \"NO\",\n\"debug\": 3\n}", "my.json"),
              StartsWith("my.json:3: `debug` takes true or false, not \"3\""));
  EXPECT_THAT(parse_error("{}\n{}", "my.json"), StartsWith("my.json:2: this is not JSON"));
}

TEST(ReadConfig, RefusesWhatIsNoText) {
  EXPECT_THAT(error_of("tpu_name: \xff"), StartsWith("my.yaml:2: a character is not valid UTF-8"));
  EXPECT_THAT(error_of(std::string("tpu_name: a\0b", 13)),
              HasSubstr(":2: a character is not valid UTF-8"));
  EXPECT_THAT(error_of("tpu_name: \"a\\0b\""), HasSubstr(":2: a text contains a NUL"));
  EXPECT_THAT(parse_error(R"({"tpu_name": "\u0000"})", "my.json"), HasSubstr("a NUL"));
  EXPECT_EQ(config_of("tpu_name: \xC3\xA9").tpu_name, "é");
  EXPECT_EQ(parse_ok("\xEF\xBB\xBF"
                     "distributed_type: 'NO'\r\ndebug: true\r\n")
                .config.debug,
            true);
}

TEST(ReadConfig, RefusesWhatIsNoConfig) {
  EXPECT_THAT(parse_error(""), StartsWith("my.yaml: the file is empty"));
  EXPECT_THAT(parse_error("# Nothing.\n"), HasSubstr("the file is empty"));
  EXPECT_THAT(parse_error("null", "my.json"), HasSubstr("the file is empty"));
  EXPECT_THAT(parse_error("- a\n- b\n"), StartsWith("my.yaml:1: the file holds no keys"));
  EXPECT_THAT(parse_error("text"), HasSubstr("the file holds no keys"));
  EXPECT_THAT(parse_error("a: b: c"), StartsWith("my.yaml:1: this is not YAML ("));
}

TEST(ReadConfig, ReadsFiles) {
  const std::string path = make_folder() + "/config.yaml";
  write_text(path, "distributed_type: MULTI_CPU\nnum_processes: 2\n");
  const auto read = read_config(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->config.num_processes, 2);
  write_text(path, "distributed_type: FOO\n");
  EXPECT_THAT(std::string(read_config(path).status().message()),
              StartsWith(path + ":1: `distributed_type`: \"FOO\" is not valid"));
}

TEST(ReadConfig, RefusesFilesThatItCannotRead) {
  const std::string folder = make_folder();
  const auto status = read_config(folder + "/none.yaml").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()),
              StartsWith("The passed configuration file `" + folder + "/none.yaml` does not "));
  EXPECT_TRUE(absl::IsNotFound(read_config("").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(read_config(folder).status()));
  // Would be waited for in vain.
  ASSERT_EQ(mkfifo((folder + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(std::string(read_config(folder + "/pipe").status().message()),
              HasSubstr("it is not a regular file; name one"));
  EXPECT_FALSE(read_config("/dev/zero").ok());
  write_text(folder + "/large.yaml", "a: " + std::string(kMaxConfigBytes, 'x'));
  EXPECT_THAT(std::string(read_config(folder + "/large.yaml").status().message()),
              HasSubstr("the file has more than 131072 bytes"));
}

}  // namespace
}  // namespace accelerate::launcher
