// The variables themselves are held against recordings in reference_environments_test.cc.
#include "launcher/plan/python_variables.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

std::optional<std::string> nothing(const std::string&) { return std::nullopt; }

EnvironmentChanges variables(const LaunchRequest& request,
                             const EnvironmentLookup& lookup = nothing) {
  const auto made = python_variables(request, lookup);
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *made : EnvironmentChanges{};
}

std::string error(const LaunchRequest& request) {
  return std::string(python_variables(request, nothing).status().message());
}

TEST(PythonVariables, TakeTheShardingStrategyFromWhereAFileHasIt) {
  LaunchConfig config = {.distributed_type = DistributedType::kFsdp,
                         .fsdp_config = {{"fsdp_reshard_after_forward", "NO_SHARD"}}};
  EXPECT_THAT(variables({.config = config}), Contains(Pair("FSDP_SHARDING_STRATEGY", "NO_SHARD")));
  config.fsdp_config["fsdp_sharding_strategy"] = "HYBRID_SHARD";
  EXPECT_THAT(variables({.config = config}),
              Contains(Pair("FSDP_SHARDING_STRATEGY", "HYBRID_SHARD")));
  config.fsdp_config = {{"fsdp_reshard_after_forward", "false"}};
  EXPECT_THAT(variables({.config = config}),
              AllOf(Contains(Pair("FSDP_SHARDING_STRATEGY", "FULL_SHARD")),
                    Contains(Pair("FSDP_RESHARD_AFTER_FORWARD", "false"))));
}

TEST(PythonVariables, TellDeepspeedWhatCameFromTheFile) {
  const LaunchConfig config = {.distributed_type = DistributedType::kDeepspeed,
                               .mixed_precision = MixedPrecision::kBf16,
                               .deepspeed_config = {{"zero_stage", "3"}}};
  EXPECT_THAT(variables({.config = config}), Contains(Pair("ACCELERATE_CONFIG_DS_FIELDS", "")));
  EXPECT_THAT(variables({.config = config, .file = config}),
              Contains(Pair("ACCELERATE_CONFIG_DS_FIELDS", "zero_stage,mixed_precision")));
}

TEST(PythonVariables, KeepThePythonPathOfTheUser) {
  const auto lookup = [](const std::string& name) {
    return name == "PYTHONPATH" ? std::optional<std::string>("/mine") : std::nullopt;
  };
  EXPECT_THAT(
      variables({.config = {.distributed_type = DistributedType::kDeepspeed}}, lookup)["PYTHONPATH"]
          .value_or(""),
      ::testing::StartsWith("/mine:/"));
}

TEST(PythonVariables, SplitThePassesOfFp8) {
  LaunchConfig config = {.mixed_precision = MixedPrecision::kFp8,
                         .fp8_config = {{"fp8_override_linear_precision", "false,true,false"}}};
  EXPECT_THAT(variables({.config = config}),
              AllOf(Contains(Pair("ACCELERATE_FP8_OVERRIDE_FPROP", "False")),
                    Contains(Pair("ACCELERATE_FP8_OVERRIDE_DGRAD", "True")),
                    Contains(Pair("ACCELERATE_MIXED_PRECISION", "fp8"))));
  config.fp8_config["fp8_override_linear_precision"] = "true";
  EXPECT_THAT(error({.config = config}), HasSubstr("write three truth values for fprop, dgrad"));
}

TEST(PythonVariables, RefuseWhatContradictsItself) {
  LaunchRequest fsdp = {.config = {.distributed_type = DistributedType::kFsdp,
                                   .fsdp_config = {{"fsdp_sync_module_states", "false"}}}};
  EXPECT_THAT(error(fsdp), HasSubstr("set `--fsdp_sync_module_states` to `True`"));
  fsdp.config.fsdp_config = {};
  fsdp.uses_parallelism_config = true;
  EXPECT_THAT(error(fsdp), HasSubstr("cannot use `--use_parallelism_config`"));
  fsdp.config.fsdp_config = {{"fsdp_version", "2"}};
  EXPECT_EQ(error(fsdp), "");
}

}  // namespace
}  // namespace accelerate::launcher
