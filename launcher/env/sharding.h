// What each process of a run keeps a part of only, as flags, config files and the environment name
// it.
//
// Example:
//   const absl::StatusOr<Sharding> sharding = read_sharding();
//   if (!sharding.ok()) return fail(sharding.status());
//   if (*sharding == Sharding::kZero2) std::cout << "gradients are cut, too\n";
//
// Not the policy that a training program is compiled for: this names the choice at launch.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/sharding_stage.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {

// "none", "zero1", "zero2".
std::string to_string(Sharding sharding);

// The same for people: "no sharding", "ZeRO-1", "ZeRO-2".
std::string sharding_title(Sharding sharding);

// One of Accelerate's settings that say how a run is sharded, or that ask for something of it which
// programs built here do not have. Those that change no result, such as how layers are wrapped, are
// none of these.
struct ShardingSetting {
  const char* variable;  // As a worker finds it.
  const char* key;       // As flags and the sections of config files name it.
};

inline constexpr std::array<ShardingSetting, 14> kShardingSettings = {{
    {kUseFsdpVariable, "use_fsdp"},
    {"FSDP_VERSION", "fsdp_version"},
    {kFsdpStrategyVariable, "fsdp_sharding_strategy"},
    {"FSDP_RESHARD_AFTER_FORWARD", "fsdp_reshard_after_forward"},
    {"FSDP_OFFLOAD_PARAMS", "fsdp_offload_params"},
    {"FSDP_ACTIVATION_CHECKPOINTING", "fsdp_activation_checkpointing"},
    {"FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD", "fsdp_activation_checkpointing_offload"},
    {"FSDP_IGNORED_MODULES", "fsdp_ignored_modules"},
    {kUseDeepspeedVariable, "use_deepspeed"},
    {"ACCELERATE_DEEPSPEED_ZERO_STAGE", "zero_stage"},
    {"ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "offload_optimizer_device"},
    {"ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE", "offload_param_device"},
    {"ACCELERATE_DEEPSPEED_CONFIG_FILE", "deepspeed_config_file"},
    {"ACCELERATE_GRADIENT_CLIPPING", "gradient_clipping"},
}};

// Which of Accelerate's names for it was used.
enum class ShardingWay { kNone, kFsdp, kDeepspeed };

// The one that is switched on: by ACCELERATE_USE_FSDP or ACCELERATE_USE_DEEPSPEED. InvalidArgument
// for both, and for what is no truth value.
absl::StatusOr<ShardingWay> find_sharding_way(const EnvironmentLookup& lookup);

// FSDP's strategy as a setting of version 1 has it: the one that is given, or else one that stands
// in place of a truth value in fsdp_reshard_after_forward, where Accelerate's questions write it;
// FULL_SHARD where neither says one.
std::string fsdp_strategy(const std::optional<std::string>& sharding_strategy,
                          const std::optional<std::string>& reshard_after_forward);

// How a message names the setting of a variable.
using SettingName = std::function<std::string(const ShardingSetting& setting)>;

// What `lookup` asks for, nothing where it asks for none of the ways:
// - FSDP: SHARD_GRAD_OP (or 2) is ZeRO-2, NO_SHARD (or 3) none; in version 2,
//   FSDP_RESHARD_AFTER_FORWARD=false is ZeRO-2;
// - DeepSpeed: the stage, which is 2 where it is not said.
// Unimplemented for what programs built here do not have: parameters in parts (FULL_SHARD,
// HYBRID_SHARD, stage 3), offloading, recomputed activations; InvalidArgument for what has no
// meaning. Both name the setting, and what to set it to. A value that is empty is as good as none.
absl::StatusOr<std::optional<Sharding>> find_sharding(const EnvironmentLookup& lookup,
                                                      const SettingName& name_of);

// The same from the variables of a worker, with kNone for nothing. Safe from several threads as
// long as none writes the environment.
absl::StatusOr<Sharding> read_sharding(const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
