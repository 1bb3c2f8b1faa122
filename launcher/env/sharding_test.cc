#include "launcher/env/sharding.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<Sharding> read(const Variables& variables) {
  return read_sharding([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

Variables with(const std::string& way, Variables variables) {
  variables[way] = "true";
  return variables;
}

std::string word(const Variables& variables) {
  const auto sharding = read(variables);
  return sharding.ok() ? to_string(*sharding) : std::string(sharding.status().message());
}

std::string fsdp(const Variables& variables) {
  return word(with("ACCELERATE_USE_FSDP", variables));
}

std::string deepspeed(const Variables& variables) {
  return word(with("ACCELERATE_USE_DEEPSPEED", variables));
}

TEST(Sharding, IsNoneWhereNobodySwitchesItOn) {
  EXPECT_EQ(word({}), "none");
  EXPECT_EQ(word({{"FSDP_SHARDING_STRATEGY", "FULL_SHARD"}}), "none");
  EXPECT_EQ(word({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "3"}}), "none");
  EXPECT_EQ(word({{"ACCELERATE_USE_FSDP", "false"}, {"ACCELERATE_USE_DEEPSPEED", "0"}}), "none");
  EXPECT_EQ(word({{"ACCELERATE_USE_FSDP", ""}}), "none");
}

TEST(Sharding, IsFsdpsStrategyByNameOrNumber) {
  for (const std::string text : {"SHARD_GRAD_OP", "shard_grad_op", "2"}) {
    EXPECT_EQ(fsdp({{"FSDP_SHARDING_STRATEGY", text}}), "zero2") << text;
  }
  for (const std::string text : {"NO_SHARD", "No_Shard", "3"}) {
    EXPECT_EQ(fsdp({{"FSDP_SHARDING_STRATEGY", text}}), "none") << text;
  }
}

TEST(Sharding, RefusesStrategiesThatCutParameters) {
  for (const std::string text :
       {"FULL_SHARD", "1", "HYBRID_SHARD", "4", "hybrid_shard_zero2", "5"}) {
    const std::string named = text.size() == 1 ? "" : text;
    EXPECT_THAT(fsdp({{"FSDP_SHARDING_STRATEGY", text}}),
                AllOf(HasSubstr("FSDP_SHARDING_STRATEGY=" + named), HasSubstr("is not supported"),
                      HasSubstr("set FSDP_SHARDING_STRATEGY to SHARD_GRAD_OP")))
        << text;
  }
  EXPECT_THAT(fsdp({}), HasSubstr("FSDP_SHARDING_STRATEGY=FULL_SHARD (the default)"));
  for (const std::string text : {"0", "6", "ZERO2", "SHARD"}) {
    EXPECT_THAT(fsdp({{"FSDP_SHARDING_STRATEGY", text}}),
                HasSubstr("FSDP_SHARDING_STRATEGY=" + text + " is not valid; set it to SHARD_GRAD"))
        << text;
  }
}

// Where Accelerate's questions write it.
TEST(Sharding, IsTheStrategyInThePlaceOfReshardingInVersion1) {
  EXPECT_EQ(fsdp({{"FSDP_RESHARD_AFTER_FORWARD", "SHARD_GRAD_OP"}}), "zero2");
  EXPECT_EQ(fsdp({{"FSDP_RESHARD_AFTER_FORWARD", "no_shard"}}), "none");
  EXPECT_EQ(fsdp({{"FSDP_RESHARD_AFTER_FORWARD", "FULL_SHARD"},
                  {"FSDP_SHARDING_STRATEGY", "SHARD_GRAD_OP"}}),
            "zero2");
  EXPECT_THAT(fsdp({{"FSDP_RESHARD_AFTER_FORWARD", "FULL_SHARD"}}),
              HasSubstr("set FSDP_RESHARD_AFTER_FORWARD to SHARD_GRAD_OP"));
  // Which is what a launcher says in any case.
  EXPECT_EQ(fsdp({{"FSDP_RESHARD_AFTER_FORWARD", "true"}, {"FSDP_SHARDING_STRATEGY", "2"}}),
            "zero2");
}

TEST(Sharding, IsByReshardingInVersion2) {
  EXPECT_EQ(fsdp({{"FSDP_VERSION", "2"}, {"FSDP_RESHARD_AFTER_FORWARD", "False"}}), "zero2");
  for (const Variables& variables :
       {Variables{}, Variables{{"FSDP_RESHARD_AFTER_FORWARD", "true"}}}) {
    Variables second = variables;
    second["FSDP_VERSION"] = "2";
    second["FSDP_SHARDING_STRATEGY"] = "SHARD_GRAD_OP";
    EXPECT_THAT(fsdp(second),
                AllOf(HasSubstr("FSDP_RESHARD_AFTER_FORWARD=true"), HasSubstr("in version 2"),
                      HasSubstr("set FSDP_RESHARD_AFTER_FORWARD to false")));
  }
  EXPECT_THAT(fsdp({{"FSDP_VERSION", "2"}, {"FSDP_RESHARD_AFTER_FORWARD", "SHARD_GRAD_OP"}}),
              HasSubstr("FSDP_RESHARD_AFTER_FORWARD: invalid truth value SHARD_GRAD_OP"));
  EXPECT_THAT(fsdp({{"FSDP_VERSION", "3"}}), HasSubstr("FSDP_VERSION=3 is not valid"));
}

TEST(Sharding, IsDeepspeedsStage) {
  EXPECT_EQ(deepspeed({}), "zero2");
  EXPECT_EQ(deepspeed({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "0"}}), "none");
  EXPECT_EQ(deepspeed({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "1"}}), "zero1");
  EXPECT_EQ(deepspeed({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "2"}}), "zero2");
  EXPECT_THAT(deepspeed({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", "3"}}),
              AllOf(HasSubstr("ACCELERATE_DEEPSPEED_ZERO_STAGE=3 is not supported"),
                    HasSubstr("set ACCELERATE_DEEPSPEED_ZERO_STAGE to 2")));
  for (const std::string text : {"-1", "4", "two", "1.0"}) {
    EXPECT_THAT(deepspeed({{"ACCELERATE_DEEPSPEED_ZERO_STAGE", text}}),
                AllOf(HasSubstr("ACCELERATE_DEEPSPEED_ZERO_STAGE=" + text + " is not valid"),
                      HasSubstr("set it to 0, 1 or 2")));
  }
}

TEST(Sharding, RefusesWhatWouldBeAnotherTraining) {
  for (const auto& [name, value] : Variables{{"FSDP_OFFLOAD_PARAMS", "true"},
                                             {"FSDP_ACTIVATION_CHECKPOINTING", "True"},
                                             {"FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD", "1"},
                                             {"FSDP_IGNORED_MODULES", "head"}}) {
    EXPECT_THAT(fsdp({{"FSDP_SHARDING_STRATEGY", "SHARD_GRAD_OP"}, {name, value}}),
                HasSubstr(name + "=" + value + " is not supported by a program built here; "));
  }
  EXPECT_THAT(fsdp({{"FSDP_OFFLOAD_PARAMS", "cpu"}}), HasSubstr("FSDP_OFFLOAD_PARAMS: invalid"));
  for (const auto& [name, value] :
       Variables{{"ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "cpu"},
                 {"ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE", "nvme"},
                 {"ACCELERATE_GRADIENT_CLIPPING", "1.0"},
                 {"ACCELERATE_DEEPSPEED_CONFIG_FILE", "ds.json"}}) {
    EXPECT_THAT(deepspeed({{name, value}}),
                HasSubstr(name + "=" + value + " is not supported by a program built here; "));
    EXPECT_EQ(fsdp({{"FSDP_SHARDING_STRATEGY", "2"}, {name, value}}), "zero2")
        << name << " says nothing there";
  }
}

TEST(Sharding, TakesWhatChangesNoResult) {
  EXPECT_EQ(fsdp({{"FSDP_SHARDING_STRATEGY", "SHARD_GRAD_OP"},
                  {"FSDP_OFFLOAD_PARAMS", "false"},
                  {"FSDP_ACTIVATION_CHECKPOINTING", "false"},
                  {"FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD", ""},
                  {"FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP"},
                  {"FSDP_BACKWARD_PREFETCH", "BACKWARD_PRE"},
                  {"FSDP_CPU_RAM_EFFICIENT_LOADING", "true"},
                  {"FSDP_FORWARD_PREFETCH", "true"},
                  {"FSDP_MIN_NUM_PARAMS", "100000000"},
                  {"FSDP_STATE_DICT_TYPE", "SHARDED_STATE_DICT"},
                  {"FSDP_SYNC_MODULE_STATES", "false"},
                  {"FSDP_USE_ORIG_PARAMS", "false"}}),
            "zero2");
  EXPECT_EQ(deepspeed({{"ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none"},
                       {"ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE", "None"},
                       {"ACCELERATE_GRADIENT_CLIPPING", "none"},
                       {"ACCELERATE_DEEPSPEED_ZERO3_INIT", "true"},
                       {"ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL", "false"}}),
            "zero2");
}

TEST(Sharding, IsAskedForInOneWay) {
  EXPECT_THAT(word({{"ACCELERATE_USE_FSDP", "true"}, {"ACCELERATE_USE_DEEPSPEED", "true"}}),
              HasSubstr("only use one of ACCELERATE_USE_FSDP, ACCELERATE_USE_DEEPSPEED"));
  EXPECT_THAT(word({{"ACCELERATE_USE_FSDP", "perhaps"}}),
              HasSubstr("ACCELERATE_USE_FSDP: invalid truth value perhaps"));
}

TEST(Sharding, HasWords) {
  EXPECT_EQ(to_string(Sharding::kZero1), "zero1");
  EXPECT_EQ(sharding_title(Sharding::kNone), "no sharding");
  EXPECT_EQ(sharding_title(Sharding::kZero2), "ZeRO-2");
}

}  // namespace
}  // namespace accelerate::launcher
