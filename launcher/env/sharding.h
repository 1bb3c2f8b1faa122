// How a run is sharded, in the words of flags, config files and the environment.
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

// A setting of Accelerate that says how a run is sharded, or asks for a feature of sharding that
// programs built here lack. Settings that change no result, such as how layers are wrapped, are not
// here.
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

// The one that ACCELERATE_USE_FSDP or ACCELERATE_USE_DEEPSPEED switches on. InvalidArgument if both
// do, and for a value that is not a truth value.
absl::StatusOr<ShardingWay> find_sharding_way(const EnvironmentLookup& lookup);

// The strategy of FSDP version 1: `sharding_strategy` if given; otherwise `reshard_after_forward`,
// where Accelerate's questions write it instead of a truth value; otherwise FULL_SHARD.
std::string fsdp_strategy(const std::optional<std::string>& sharding_strategy,
                          const std::optional<std::string>& reshard_after_forward);

// How a message names the setting of a variable.
using SettingName = std::function<std::string(const ShardingSetting& setting)>;

// The sharding that `lookup` asks for; no value if it uses neither name:
// - FSDP: SHARD_GRAD_OP (or 2) is ZeRO-2, NO_SHARD (or 3) none; in version 2,
//   FSDP_RESHARD_AFTER_FORWARD=false is ZeRO-2;
// - DeepSpeed: the stage, or 2 if none is given.
//
// Unimplemented for features that programs built here lack: sharded parameters (FULL_SHARD,
// HYBRID_SHARD, stage 3), offloading, recomputed activations. InvalidArgument for meaningless
// values. Both name the setting, and what to set it to. An empty value counts as unset.
absl::StatusOr<std::optional<Sharding>> find_sharding(const EnvironmentLookup& lookup,
                                                      const SettingName& name_of);

// The same from the variables of a worker, with kNone for no value. Safe from several threads if
// none writes the environment.
absl::StatusOr<Sharding> read_sharding(const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
