#include "launcher/request/flags.h"

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/request/flag_table.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

using Arguments = std::vector<std::string>;

LaunchRequest parse(const Arguments& arguments, const IsProgramFlag& is_program_flag = nullptr) {
  const auto request = parse_launch_flags(arguments, is_program_flag);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? *request : LaunchRequest{};
}

Arguments program_arguments(const Arguments& arguments) {
  return parse(arguments).program.arguments;
}

std::string error(const Arguments& arguments) {
  return std::string(parse_launch_flags(arguments).status().message());
}

LaunchRequest parse_command(const Arguments& words) {
  const auto request = parse_launch_command(words);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? *request : LaunchRequest{};
}

std::string command_error(const Arguments& words) {
  return std::string(parse_launch_command(words).status().message());
}

TEST(LaunchFlags, AreAllUnsetOnAnEmptyLine) { EXPECT_EQ(parse({}), LaunchRequest{}); }

TEST(LaunchFlags, AreEachRecognised) {
  EXPECT_EQ(parse({"--num_processes=4", "--mixed_precision=bf16", "--cpu", "--main_process_port=0",
                   "--gpu_ids=0,1", "--enable_cpu_affinity", "--config_file=a.yaml", "--dry_run",
                   "--quiet", "--num_cpu_threads_per_process=3", "--tee=3", "--log_dir=logs",
                   "--role=trainer", "--max_restarts=2", "--monitor_interval=0.5", "--help"}),
            (LaunchRequest{.config = {.mixed_precision = MixedPrecision::kBf16,
                                      .use_cpu = true,
                                      .num_processes = 4,
                                      .gpu_ids = "0,1",
                                      .enable_cpu_affinity = true,
                                      .main_process_port = 0},
                           .config_file = "a.yaml",
                           .threads_per_process = 3,
                           .max_restarts = 2,
                           .role = "trainer",
                           .output = {.log_dir = "logs", .tee = {.all = {true, true}}},
                           .is_cpu_typed = true,
                           .quiet = true,
                           .dry_run = true,
                           .help = true}));
  EXPECT_EQ(parse({"--multi_gpu"}).config,
            (LaunchConfig{.distributed_type = DistributedType::kMultiGpu, .use_cpu = false}));
  EXPECT_TRUE(parse({"-h"}).help);
}

TEST(LaunchFlags, TakeHyphensUnderscoresAndSeparateValues) {
  const LaunchRequest expected = {.config = {.num_processes = 2}, .quiet = true, .dry_run = true};
  EXPECT_EQ(parse({"--num-processes=2", "--dry-run", "--quiet"}), expected);
  EXPECT_EQ(parse({"--num-processes", "2", "--dry_run", "--quiet"}), expected);
  EXPECT_EQ(parse({"--quiet", "--dry-run", "--num_processes", "2"}), expected);
}

TEST(LaunchFlags, LeaveTheRestToTheProgramInItsOrder) {
  const LaunchRequest request = parse({"train", "--lr=0.1", "--num_processes", "2", "-v", "-",
                                       "--epochs", "3", "--cpu", "", "x=1"});
  EXPECT_THAT(request.program.arguments,
              ElementsAre("train", "--lr=0.1", "-v", "-", "--epochs", "3", "", "x=1"));
  EXPECT_EQ(request.config, (LaunchConfig{.use_cpu = true, .num_processes = 2}));
}

TEST(LaunchFlags, LeaveToTheProgramWhatIsForOtherPrograms) {
  const Arguments arguments = {
      "--gradient_accumulation_steps=4", "--module", "-m", "-q", "--debug", "--vm=x"};
  EXPECT_EQ(program_arguments(arguments), arguments);
}

TEST(LaunchFlags, LeaveToTheProgramWhatItClaims) {
  const auto claims = [](const std::string& name) { return name == "log_dir" || name == "help"; };
  const LaunchRequest request = parse({"--log-dir=a", "--role=b", "--help"}, claims);
  EXPECT_THAT(request.program.arguments, ElementsAre("--log-dir=a"));
  EXPECT_EQ(request.role, "b");
  EXPECT_TRUE(request.help);
}

TEST(LaunchFlags, EndAtTheFirstDoubleHyphen) {
  const LaunchRequest request = parse({"--cpu", "a", "--", "--num_processes=2", "--", "--help"});
  EXPECT_EQ(request.config, LaunchConfig{.use_cpu = true});
  EXPECT_FALSE(request.help);
  EXPECT_THAT(request.program.arguments, ElementsAre("a", "--num_processes=2", "--", "--help"));
}

TEST(LaunchFlags, AreNotAbbreviated) {
  EXPECT_THAT(program_arguments({"--mixed", "--he", "-cpu"}), SizeIs(3));
}

TEST(LaunchFlags, HoldTheirLastValue) {
  EXPECT_EQ(parse({"--num_processes=2", "x", "--num-processes", "3"}).config.num_processes, 3);
}

TEST(LaunchFlags, RefuseBadValuesWithARemedy) {
  for (const std::string value : {"0", "abc", "-1", "", "2x"}) {
    EXPECT_THAT(
        error({"--num_processes=" + value}),
        AllOf(HasSubstr("--num_processes=" + value + " is not valid"),
              HasSubstr("from 1 to 1000000"), HasSubstr("write for example --num_processes=2")));
  }
  // As of a variable of the shell that is not set.
  EXPECT_THAT(error({"--gpu_ids", ""}), HasSubstr("--gpu_ids needs a value; write --gpu_ids="));
  EXPECT_THAT(error({"--main_process_ip="}), HasSubstr("--main_process_ip needs a value"));
  EXPECT_THAT(error({"--num_processes=gpu"}), HasSubstr("leave it out to start one for each GPU"));
  EXPECT_THAT(error({"--num-processes", "-1"}), HasSubstr("--num_processes=-1 is not valid"));
  EXPECT_THAT(error({"--main_process_port=65536"}),
              AllOf(HasSubstr("from 0 to 65535"), HasSubstr("--main_process_port=0")));
  EXPECT_THAT(error({"--mixed_precision", "b16"}), HasSubstr("did you mean bf16?"));
  EXPECT_THAT(error({"--mixed_precision", "x"}), HasSubstr("choose one of no, fp16, bf16, fp8"));
  EXPECT_THAT(error({"--max_restarts", "x"}), HasSubstr("write for example --max_restarts=3"));
  EXPECT_THAT(error({"--monitor_interval", "soon"}), HasSubstr("it takes a number"));
  EXPECT_THAT(error({"--tee", "9"}), HasSubstr("tee"));
  EXPECT_THAT(error({"--local-ranks-filter", "a"}), HasSubstr("local_ranks_filter"));
  EXPECT_THAT(error({"--cpu=true"}), HasSubstr("--cpu takes no value; write --cpu alone"));
}

TEST(LaunchFlags, RefuseAMissingValue) {
  for (const Arguments& arguments :
       {Arguments{"--num_processes"}, {"--num_processes", "--cpu"}, {"--num_processes", "--"}}) {
    EXPECT_THAT(error(arguments),
                HasSubstr("--num_processes needs a value; write --num_processes=N."));
  }
}

TEST(LaunchFlags, RefuseWhatContradictsItself) {
  EXPECT_THAT(error({"--cpu", "--multi_gpu"}),
              HasSubstr("You can only use one of `--cpu`, `--multi_gpu` at a time"));
  EXPECT_THAT(command_error({"--use_fsdp", "--tpu", "--use_fsdp", "x.py"}),
              HasSubstr("one of `--use_fsdp`, `--tpu` at a time"));
  EXPECT_TRUE(parse_launch_command({"--cpu", "--cpu", "x.py"}).ok());
  EXPECT_THAT(error({"--cpu", "--use_fsdp", "--use_deepspeed"}),
              HasSubstr("one of `--use_fsdp`, `--use_deepspeed` at a time"));
}

TEST(LaunchFlags, TakeWhatShards) {
  const auto request = parse_launch_flags({"--cpu", "--use_fsdp", "--fsdp_sharding_strategy=2"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->config.distributed_type, DistributedType::kFsdp);
  EXPECT_THAT(request->config.fsdp_config, ElementsAre(Pair("fsdp_sharding_strategy", "2")));
  EXPECT_THAT(request->program.arguments, IsEmpty());
  EXPECT_THAT(error({"--zero_stage=two"}), HasSubstr("--zero_stage=two is not valid"));
}

TEST(LaunchCommand, EndsItsFlagsAtTheProgram) {
  const LaunchRequest request =
      parse_command({"--num_processes", "2", "-m", "train", "--num_processes=8", "--", "-h"});
  EXPECT_EQ(request, (LaunchRequest{.config = {.num_processes = 2},
                                    .program = {.program = "train",
                                                .arguments = {"--num_processes=8", "--", "-h"},
                                                .module = true}}));
  EXPECT_EQ(parse_command({"--cpu", "--", "--odd", "x"}).program,
            (ProgramRequest{.program = "--odd", .arguments = {"x"}}));
  EXPECT_EQ(parse_command({"--cpu"}).program, ProgramRequest{});
  EXPECT_EQ(parse_command({"-", "x"}).program.program, "-");
}

TEST(LaunchCommand, TakesLettersAndInterpreterFlags) {
  const LaunchRequest request =
      parse_command({"-q", "-t", "0:3", "--python_flags", "-u -X dev", "--no-python", "train.py"});
  EXPECT_TRUE(request.quiet);
  EXPECT_EQ(request.output.tee.of(0), (Streams{true, true}));
  EXPECT_EQ(request.output.tee.of(1), Streams{});
  EXPECT_EQ(
      request.program,
      (ProgramRequest{.program = "train.py", .no_python = true, .python_flags = "-u -X dev"}));
}

TEST(LaunchCommand, KeepsWhatIsForPythonPrograms) {
  const LaunchConfig config =
      parse_command({"--use_fsdp", "--fsdp-version", "2", "--fsdp_min_num_params=7000000000",
                     "--dynamo_backend=inductor", "--dynamo_use_dynamic", "--zero_stage", "3",
                     "--megatron_lm_use_custom_fsdp", "Yes", "x.py"})
          .config;
  EXPECT_EQ(config.distributed_type, DistributedType::kFsdp);
  EXPECT_THAT(config.fsdp_config,
              ElementsAre(Pair("fsdp_min_num_params", "7000000000"), Pair("fsdp_version", "2")));
  EXPECT_THAT(config.dynamo_config,
              ElementsAre(Pair("dynamo_backend", "inductor"), Pair("dynamo_use_dynamic", "true")));
  EXPECT_THAT(config.deepspeed_config, ElementsAre(Pair("zero_stage", "3")));
  EXPECT_THAT(config.megatron_lm_config, ElementsAre(Pair("megatron_lm_use_custom_fsdp", "true")));
}

TEST(LaunchCommand, ChecksWhatItPassesOn) {
  EXPECT_THAT(command_error({"--fsdp_version=3", "x.py"}), HasSubstr("choose one of 1, 2"));
  EXPECT_THAT(command_error({"--zero_stage=x", "x.py"}), HasSubstr("a whole number"));
  EXPECT_THAT(command_error({"--gradient_clipping=x", "x.py"}), HasSubstr("a number"));
  EXPECT_THAT(command_error({"--fp8_pad_inner_dim=x", "x.py"}), HasSubstr("true or false"));
}

TEST(LaunchCommand, NotesWhatNobodyUses) {
  const LaunchRequest request =
      parse_command({"--vm", "a", "--tpu-use-sudo", "--aws_access_key_id=b", "x.py"});
  EXPECT_THAT(request.unused_flags, ElementsAre("--vm", "--tpu_use_sudo", "--aws_access_key_id"));
  EXPECT_EQ(request.config, LaunchConfig{});
}

TEST(LaunchCommand, NamesTheNearestFlagInOneLine) {
  EXPECT_EQ(command_error({"--num_proceses", "2", "x.py"}),
            "--num_proceses is not a launch flag; did you mean --num_processes?");
  EXPECT_EQ(command_error({"--mixed-precison=bf16", "x.py"}),
            "--mixed-precison is not a launch flag; did you mean --mixed_precision?");
  EXPECT_THAT(command_error({"--epochs=3", "x.py"}),
              HasSubstr("--epochs is not a launch flag; --help lists them. The program's own flags "
                        "follow its name."));
  EXPECT_THAT(command_error({"-x"}), HasSubstr("-x is not a launch flag"));
}

TEST(LaunchCommand, HelpsWhateverFollows) {
  EXPECT_TRUE(parse_command({"--cpu", "-h", "--no_such_flag", "x.py"}).help);
}

// The flags as Python's `accelerate launch` has them, recorded.
TEST(LaunchCommand, KnowsEachFlagOfTheReference) {
  std::ifstream file("launcher/request/testdata/reference_flags.json");
  const auto flags = nlohmann::json::parse(file);
  ASSERT_THAT(flags, SizeIs(124));
  for (const auto& flag : flags) {
    for (const std::string name : flag["names"]) {
      const LaunchFlag* found = find_launch_flag(name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_EQ(!found->value_name.empty(), flag["takes_value"]) << name;
      for (const std::string choice : flag["choices"]) {
        LaunchRequest request;
        EXPECT_TRUE(set_launch_flag(*found, choice, request).ok()) << name << "=" << choice;
      }
    }
  }
}

// Whatever is typed: a sentence or a request, never a crash or an endless loop.
TEST(LaunchFlags, SurviveAnyCommandLine) {
  std::vector<std::string> words = {
      "",   "-",   "--",   "---",    "=",  "--=",   "-h=", "--", "x.py", "0",
      "-1", "1e9", "true", "0:3,1:", "\n", "\xff=", "-m=", "-t", "all",  "{no,fp16}"};
  for (const LaunchFlag& flag : launch_flags()) {
    words.push_back("--" + flag.name);
    words.push_back("--" + flag.name + "=");
  }
  std::mt19937 random(1);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 20000; ++round) {
    Arguments line(below(6));
    for (std::string& word : line) {
      word = words[below(words.size())];
      if (below(4) == 0) word += words[below(words.size())];
      if (below(4) == 0 && !word.empty()) word[below(word.size())] = static_cast<char>(below(256));
    }
    for (const auto& request : {parse_launch_flags(line), parse_launch_command(line)}) {
      EXPECT_NE(request.ok(), !request.status().message().empty());
    }
  }
}

}  // namespace
}  // namespace accelerate::launcher
