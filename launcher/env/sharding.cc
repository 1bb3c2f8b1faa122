#include "launcher/env/sharding.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/integer.h"
#include "launcher/env/truth_value.h"

namespace accelerate::launcher {
namespace {

// In the order of their numbers, which begin with 1.
constexpr std::array kFsdpStrategies = {"FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD",
                                        "HYBRID_SHARD_ZERO2"};

constexpr char kWholeParameters[] = "parameters cannot be sharded: ";
constexpr char kWhatIsCut[] = "to shard the gradients and the optimizer's state";

std::optional<std::string> find_strategy(const std::string& text) {
  for (std::size_t i = 0; i < kFsdpStrategies.size(); ++i) {
    if (absl::EqualsIgnoreCase(text, kFsdpStrategies[i]) || text == absl::StrCat(i + 1)) {
      return kFsdpStrategies[i];
    }
  }
  return std::nullopt;
}

// The settings that are given, and what messages call them.
class Settings {
 public:
  Settings(const EnvironmentLookup& lookup, const SettingName& name_of)
      : lookup_(lookup), name_of_(name_of) {}

  std::optional<std::string> value(const std::string& key) const {
    const std::optional<std::string> text = lookup_(setting(key).variable);
    return text.has_value() && !text->empty() ? text : std::nullopt;
  }

  std::string name(const std::string& key) const { return name_of_(setting(key)); }

  // "FSDP_OFFLOAD_PARAMS=true".
  std::string written(const std::string& key) const {
    return absl::StrCat(name(key), "=", value(key).value_or(""));
  }

  absl::StatusOr<bool> truth(const std::string& key) const {
    const std::optional<std::string> text = value(key);
    return text.has_value() ? parse_truth_value(name(key), *text) : false;
  }

 private:
  static const ShardingSetting& setting(const std::string& key) {
    return *std::find_if(kShardingSettings.begin(), kShardingSettings.end(),
                         [&](const ShardingSetting& setting) { return setting.key == key; });
  }

  const EnvironmentLookup& lookup_;
  const SettingName& name_of_;
};

absl::Status not_there(const std::string& what, const std::string& remedy) {
  return absl::UnimplementedError(
      absl::StrCat(what, " is not supported by a program built here; ", remedy, "."));
}

absl::Status invalid(const std::string& what, const std::string& remedy) {
  return absl::InvalidArgumentError(absl::StrCat(what, " is not valid; ", remedy, "."));
}

// Errors name the switches by their variables.
absl::StatusOr<ShardingWay> find_way(const Settings& settings) {
  const absl::StatusOr<bool> fsdp = settings.truth("use_fsdp");
  if (!fsdp.ok()) return fsdp.status();
  const absl::StatusOr<bool> deepspeed = settings.truth("use_deepspeed");
  if (!deepspeed.ok()) return deepspeed.status();
  if (*fsdp && *deepspeed) {
    return absl::InvalidArgumentError(
        absl::StrCat("You can only use one of ", settings.name("use_fsdp"), ", ",
                     settings.name("use_deepspeed"), " at a time; leave out the other."));
  }
  if (*fsdp) return ShardingWay::kFsdp;
  return *deepspeed ? ShardingWay::kDeepspeed : ShardingWay::kNone;
}

absl::StatusOr<Sharding> fsdp_version_1(const Settings& settings) {
  const auto given = settings.value("fsdp_sharding_strategy");
  const auto reshard = settings.value("fsdp_reshard_after_forward");
  const std::string text = fsdp_strategy(given, reshard);
  const bool is_of_reshard = !given.has_value() && reshard == text;
  const std::string name =
      settings.name(is_of_reshard ? "fsdp_reshard_after_forward" : "fsdp_sharding_strategy");
  const std::optional<std::string> strategy = find_strategy(text);
  if (!strategy.has_value()) {
    return invalid(absl::StrCat(name, "=", text), "set it to SHARD_GRAD_OP or NO_SHARD");
  }
  if (*strategy == "NO_SHARD") return Sharding::kNone;
  if (*strategy == "SHARD_GRAD_OP") return Sharding::kZero2;
  const bool is_default = !given.has_value() && !is_of_reshard;
  return not_there(absl::StrCat(name, "=", text, is_default ? " (the default)" : ""),
                   absl::StrCat(kWholeParameters, "set ", name, " to SHARD_GRAD_OP ", kWhatIsCut));
}

absl::StatusOr<Sharding> fsdp_version_2(const Settings& settings) {
  const std::string key = "fsdp_reshard_after_forward";
  const std::optional<std::string> text = settings.value(key);
  if (text.has_value()) {
    const absl::StatusOr<bool> reshard = settings.truth(key);
    if (!reshard.ok()) return reshard.status();
    if (!*reshard) return Sharding::kZero2;
  }
  return not_there(
      absl::StrCat(settings.name(key), "=true", text.has_value() ? "" : " (the default)",
                   " in version 2"),
      absl::StrCat(kWholeParameters, "set ", settings.name(key), " to false ", kWhatIsCut));
}

absl::StatusOr<Sharding> find_fsdp(const Settings& settings) {
  const std::string version = settings.value("fsdp_version").value_or("1");
  if (version != "1" && version != "2") {
    return invalid(settings.written("fsdp_version"), "set it to 1 or 2");
  }
  for (const char* key : {"fsdp_offload_params", "fsdp_activation_checkpointing",
                          "fsdp_activation_checkpointing_offload"}) {
    const absl::StatusOr<bool> asked = settings.truth(key);
    if (!asked.ok()) return asked.status();
    if (*asked) return not_there(settings.written(key), "set it to false");
  }
  if (settings.value("fsdp_ignored_modules").has_value()) {
    return not_there(settings.written("fsdp_ignored_modules"), "leave it out");
  }
  return version == "1" ? fsdp_version_1(settings) : fsdp_version_2(settings);
}

absl::StatusOr<Sharding> find_deepspeed(const Settings& settings) {
  if (settings.value("deepspeed_config_file").has_value()) {
    return not_there(
        settings.written("deepspeed_config_file"),
        absl::StrCat("say the stage in ", settings.name("zero_stage"), ", and leave out the file"));
  }
  for (const char* key : {"offload_optimizer_device", "offload_param_device"}) {
    if (!absl::EqualsIgnoreCase(settings.value(key).value_or("none"), "none")) {
      return not_there(settings.written(key), "set it to none");
    }
  }
  if (!absl::EqualsIgnoreCase(settings.value("gradient_clipping").value_or("none"), "none")) {
    return not_there(settings.written("gradient_clipping"),
                     "leave it out, and let the program call accelerator.clip_grad_norm()");
  }
  constexpr int kParametersInParts = 3;
  const absl::StatusOr<int> stage = parse_integer(settings.value("zero_stage").value_or("2"),
                                                  {.name = settings.name("zero_stage"),
                                                   .maximum = kParametersInParts,
                                                   .remedy = "set it to 0, 1 or 2."});
  if (!stage.ok()) return stage.status();
  if (*stage == kParametersInParts) {
    return not_there(
        settings.written("zero_stage"),
        absl::StrCat(kWholeParameters, "set ", settings.name("zero_stage"), " to 2 ", kWhatIsCut));
  }
  return static_cast<Sharding>(*stage);
}

std::string variable_of(const ShardingSetting& setting) { return setting.variable; }

}  // namespace

std::string to_string(Sharding sharding) {
  constexpr const char* kWords[] = {"none", "zero1", "zero2"};
  return kWords[static_cast<int>(sharding)];
}

std::string sharding_title(Sharding sharding) {
  constexpr const char* kTitles[] = {"no sharding", "ZeRO-1", "ZeRO-2"};
  return kTitles[static_cast<int>(sharding)];
}

absl::StatusOr<ShardingWay> find_sharding_way(const EnvironmentLookup& lookup) {
  const SettingName name_of = variable_of;
  return find_way({lookup, name_of});
}

std::string fsdp_strategy(const std::optional<std::string>& sharding_strategy,
                          const std::optional<std::string>& reshard_after_forward) {
  if (sharding_strategy.has_value()) return *sharding_strategy;
  const std::string reshard = reshard_after_forward.value_or("");
  const bool is_strategy = std::find(kFsdpStrategies.begin(), kFsdpStrategies.end(),
                                     absl::AsciiStrToUpper(reshard)) != kFsdpStrategies.end();
  return is_strategy ? reshard : kFsdpStrategies[0];
}

absl::StatusOr<std::optional<Sharding>> find_sharding(const EnvironmentLookup& lookup,
                                                      const SettingName& name_of) {
  const Settings settings(lookup, name_of);
  const absl::StatusOr<ShardingWay> way = find_way(settings);
  if (!way.ok()) return way.status();
  if (*way == ShardingWay::kNone) return std::nullopt;
  const absl::StatusOr<Sharding> sharding =
      *way == ShardingWay::kFsdp ? find_fsdp(settings) : find_deepspeed(settings);
  if (!sharding.ok()) return sharding.status();
  return *sharding;
}

absl::StatusOr<Sharding> read_sharding(const EnvironmentLookup& lookup) {
  const absl::StatusOr<std::optional<Sharding>> found = find_sharding(lookup, variable_of);
  if (!found.ok()) return found.status();
  return found->value_or(Sharding::kNone);
}

}  // namespace accelerate::launcher
