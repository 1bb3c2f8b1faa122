// How a program built here is sharded, by flags, environment and config file; and that its workers
// read the same.

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/sharding.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/program_variables.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

struct Sayings {
  Words flags = {};
  Variables variables = {};
  std::string file = "";
};

EnvironmentLookup environment(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found != variables.end()) return found->second;
    if (name == "HF_HOME") return "/nonexistent";
    return std::nullopt;
  };
}

absl::StatusOr<LaunchPlan> make_plan(const Sayings& sayings,
                                     ProgramOrigin origin = ProgramOrigin::kHere) {
  Words words = sayings.flags;
  if (!sayings.file.empty()) {
    const std::string path = testing::TempDir() + "/sharding.yaml";
    std::ofstream(path) << sayings.file;
    words.push_back("--config_file=" + path);
  }
  const EnvironmentLookup lookup = environment(sayings.variables);
  const auto request = parse_launch_flags(words);
  if (!request.ok()) return request.status();
  const auto completed = complete_request(*request, lookup);
  if (!completed.ok()) return completed.status();
  return make_launch_plan(completed->request, origin, {.num_gpus = 0, .num_cores = 8}, lookup);
}

// What a worker of the plan reads, whose launcher was started with `variables`.
Sharding read_by_worker(const LaunchPlan& plan, Variables variables, bool is_forked) {
  const Command program = {.kind = ProgramKind::kExecutable, .argv = {"program"}};
  const auto nothing = [](const std::string&) { return std::nullopt; };
  const EnvironmentChanges changes = is_forked ? worker_variables(plan, {}, {.port = 1})
                                               : program_variables(plan, program, {}, {}, nothing);
  for (const auto& [name, value] : changes) {
    if (value.has_value()) variables[name] = *value;
    if (!value.has_value()) variables.erase(name);
  }
  const auto sharding = read_sharding(environment(variables));
  EXPECT_TRUE(sharding.ok()) << sharding.status();
  return sharding.value_or(Sharding::kNone);
}

// "unsaid", or the word that plan and workers agree on; an error's message otherwise.
std::string sharding(const Sayings& sayings) {
  const auto plan = make_plan(sayings);
  if (!plan.ok()) return std::string(plan.status().message());
  const Sharding planned = plan->sharding.value_or(Sharding::kNone);
  for (const bool is_forked : {true, false}) {
    EXPECT_EQ(read_by_worker(*plan, sayings.variables, is_forked), planned);
  }
  return plan->sharding.has_value() ? to_string(planned) : "unsaid";
}

// One setting of a way to shard, said by each of the three.
struct Case {
  std::string way;  // "fsdp" or "deepspeed".
  std::map<std::string, std::string> keys;
  std::string expected;
};

Sayings by_flags(const Case& wanted) {
  Words words = {"--num_processes=2", "--use_" + wanted.way};
  for (const auto& [key, value] : wanted.keys) words.push_back(absl::StrCat("--", key, "=", value));
  return {.flags = words};
}

Sayings by_file(const Case& wanted) {
  std::string text = absl::StrCat(
      "num_processes: 2\ndistributed_type: ", wanted.way == "fsdp" ? "FSDP" : "DEEPSPEED", "\n",
      wanted.keys.empty() ? "" : wanted.way + "_config:\n");
  for (const auto& [key, value] : wanted.keys) absl::StrAppend(&text, "  ", key, ": ", value, "\n");
  return {.file = text};
}

Sayings by_variables(const Case& wanted) {
  Sayings sayings = {.flags = {"--num_processes=2"}};
  sayings.variables[wanted.way == "fsdp" ? "ACCELERATE_USE_FSDP" : "ACCELERATE_USE_DEEPSPEED"] =
      "true";
  for (const auto& [key, value] : wanted.keys) {
    for (const ShardingSetting& setting : kShardingSettings) {
      if (key == setting.key) sayings.variables[setting.variable] = value;
    }
  }
  return sayings;
}

TEST(ShardingOfALaunch, IsTheSameByFlagFileAndVariable) {
  const std::string refused = " is not supported by a program built here";
  for (const Case& wanted : std::vector<Case>{
           {"fsdp", {{"fsdp_sharding_strategy", "SHARD_GRAD_OP"}}, "zero2"},
           {"fsdp", {{"fsdp_sharding_strategy", "2"}}, "zero2"},
           {"fsdp", {{"fsdp_sharding_strategy", "NO_SHARD"}}, "none"},
           {"fsdp", {{"fsdp_reshard_after_forward", "SHARD_GRAD_OP"}}, "zero2"},
           {"fsdp", {{"fsdp_version", "2"}, {"fsdp_reshard_after_forward", "false"}}, "zero2"},
           {"fsdp", {}, "=FULL_SHARD (the default)" + refused},
           {"fsdp", {{"fsdp_sharding_strategy", "HYBRID_SHARD"}}, "=HYBRID_SHARD" + refused},
           {"fsdp", {{"fsdp_version", "2"}, {"fsdp_reshard_after_forward", "true"}}, refused},
           {"fsdp",
            {{"fsdp_sharding_strategy", "SHARD_GRAD_OP"}, {"fsdp_offload_params", "true"}},
            "=true" + refused},
           {"fsdp",
            {{"fsdp_sharding_strategy", "SHARD_GRAD_OP"},
             {"fsdp_activation_checkpointing", "true"}},
            "=true" + refused},
           {"fsdp",
            {{"fsdp_sharding_strategy", "SHARD_GRAD_OP"},
             {"fsdp_backward_prefetch", "NO_PREFETCH"}},
            "zero2"},
           {"deepspeed", {}, "zero2"},
           {"deepspeed", {{"zero_stage", "0"}}, "none"},
           {"deepspeed", {{"zero_stage", "1"}}, "zero1"},
           {"deepspeed", {{"zero_stage", "2"}, {"offload_param_device", "none"}}, "zero2"},
           {"deepspeed",
            {{"zero_stage", "2"}, {"offload_optimizer_device", "cpu"}},
            "=cpu" + refused},
           {"deepspeed", {{"zero_stage", "3"}}, "=3" + refused},
       }) {
    SCOPED_TRACE(wanted.way + " " + wanted.expected);
    EXPECT_THAT(sharding(by_flags(wanted)), HasSubstr(wanted.expected));
    EXPECT_THAT(sharding(by_file(wanted)), HasSubstr(wanted.expected));
    EXPECT_THAT(sharding(by_variables(wanted)), HasSubstr(wanted.expected));
  }
}

TEST(ShardingOfALaunch, IsUnsaidByDefault) {
  EXPECT_EQ(sharding({}), "unsaid");
  EXPECT_EQ(sharding({.flags = {"--fsdp_sharding_strategy=SHARD_GRAD_OP"}}), "unsaid");
  const auto plan = make_plan({.flags = {"--num_processes=2"}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->environment, IsEmpty());
}

constexpr char kStage1[] =
    "num_processes: 2\ndistributed_type: DEEPSPEED\ndeepspeed_config:\n  zero_stage: 1\n";

TEST(ShardingOfALaunch, IsAskedForByFlagBeforeEnvironmentBeforeFile) {
  const Variables stage_0 = {{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "0"}};
  EXPECT_EQ(sharding({.file = kStage1}), "zero1");
  EXPECT_EQ(sharding({.variables = stage_0, .file = kStage1}), "none");
  EXPECT_EQ(sharding({.flags = {"--zero_stage=2"}, .variables = stage_0, .file = kStage1}),
            "zero2");
  // The same for the way.
  const Variables fsdp = {{"ACCELERATE_USE_FSDP", "true"},
                          {"FSDP_SHARDING_STRATEGY", "SHARD_GRAD_OP"}};
  EXPECT_EQ(sharding({.variables = fsdp, .file = kStage1}), "zero2");
  EXPECT_EQ(sharding({.flags = {"--use_deepspeed"}, .variables = fsdp, .file = kStage1}), "zero1");
  EXPECT_EQ(sharding({.flags = {"--use_deepspeed", "--zero_stage=1"}, .variables = fsdp}), "zero1");
  // What is off says nothing.
  EXPECT_EQ(sharding({.variables = {{"ACCELERATE_USE_DEEPSPEED", "false"}}, .file = kStage1}),
            "zero1");
  EXPECT_EQ(sharding({.flags = {"--use_fsdp", "--fsdp_sharding_strategy=2"},
                      .variables = {{"ACCELERATE_USE_FSDP", "false"}}}),
            "zero2");
}

TEST(ShardingOfALaunch, IsNamedAsItWasSaid) {
  EXPECT_THAT(sharding({.variables = {{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "3"}}, .file = kStage1}),
              HasSubstr("ACCELERATE_DEEPSPEED_ZERO_STAGE=3 is not supported"));
  EXPECT_THAT(sharding({.flags = {"--zero_stage=3"}, .file = kStage1}),
              AllOf(HasSubstr("zero_stage=3 is not"), HasSubstr("set zero_stage to 2")));
}

TEST(ShardingOfALaunch, IsHadOnTheCpu) {
  const Words words = {"--cpu", "--num_processes=2", "--use_fsdp", "--fsdp_sharding_strategy=2"};
  EXPECT_EQ(sharding({.flags = words}), "zero2");
  EXPECT_THAT(
      std::string(make_plan({.flags = words}, ProgramOrigin::kElsewhere).status().message()),
      HasSubstr("only use one of `--cpu`, `--use_fsdp`"));
  const auto plan = make_plan({.file = kStage1});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->device, DeviceKind::kCpu);
  EXPECT_THAT(plan->remarks, IsEmpty()) << "which is nothing to warn of";
  // As Python's, it trains on whole copies then, whatever a file says.
  EXPECT_EQ(sharding({.flags = {"--cpu"}, .file = kStage1}), "unsaid");
  EXPECT_EQ(sharding({.flags = {"--multi_gpu", "--cpu"}, .file = kStage1}).substr(0, 3), "You");
}

TEST(ShardingOfALaunch, MeansNothingInOneProcess) {
  const auto plan = make_plan({.flags = {"--use_deepspeed", "--zero_stage=1"}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->remarks, ElementsAre(HasSubstr("ZeRO-1 has no effect in one process")));
  const auto none = make_plan({.flags = {"--use_deepspeed", "--zero_stage=0"}});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(none->remarks, IsEmpty());
}

TEST(ShardingOfALaunch, IsOfEachMachine) {
  EXPECT_EQ(sharding({.flags = {"--num_machines=2", "--num_processes=4", "--machine_rank=1",
                                "--main_process_ip=10.0.0.1", "--use_deepspeed"}}),
            "zero2");
  EXPECT_EQ(sharding({.flags = {"--num_machines=2", "--rdzv_backend=c10d",
                                "--main_process_ip=10.0.0.1", "--use_deepspeed"}}),
            "zero2");
}

TEST(ShardingOfALaunch, LeavesPythonProgramsTheirEnvironment) {
  const Variables mine = {{"ACCELERATE_USE_DEEPSPEED", "perhaps"}, {"FSDP_VERSION", "9"}};
  const auto plan = make_plan({.variables = mine}, ProgramOrigin::kElsewhere);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->sharding, std::nullopt);
  for (const auto& [name, value] : mine) EXPECT_FALSE(plan->environment.contains(name));
}

TEST(ShardingOfALaunch, BringsDeepspeedsAccumulation) {
  const auto steps = [](const Sayings& sayings) -> std::optional<std::string> {
    const auto plan = make_plan(sayings);
    EXPECT_TRUE(plan.ok()) << plan.status();
    const auto found = plan->environment.find("ACCELERATE_GRADIENT_ACCUMULATION_STEPS");
    return found == plan->environment.end() ? std::nullopt : found->second;
  };
  const std::string file = absl::StrCat(kStage1, "  gradient_accumulation_steps: 4\n");
  EXPECT_EQ(steps({.file = file}), "4");
  EXPECT_EQ(steps({.file = absl::StrCat(kStage1, "  gradient_accumulation_steps: auto\n")}),
            std::nullopt);
  EXPECT_EQ(steps({.variables = {{"ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "8"}}, .file = file}),
            std::nullopt)
      << "which workers inherit";
  EXPECT_EQ(steps({.flags = {"--cpu"}, .file = file}), std::nullopt);
}

}  // namespace
}  // namespace accelerate::launcher
