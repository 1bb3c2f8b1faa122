#include "launcher/request/sharding_request.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/config/launch_types.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

ShardingWay way_of(const LaunchConfig& config) {
  if (config.distributed_type == DistributedType::kFsdp) return ShardingWay::kFsdp;
  if (config.distributed_type == DistributedType::kDeepspeed) return ShardingWay::kDeepspeed;
  return ShardingWay::kNone;
}

const char* switch_of(ShardingWay way) {
  return way == ShardingWay::kFsdp ? kUseFsdpVariable : kUseDeepspeedVariable;
}

bool is_switch(const ShardingSetting& setting) {
  return setting.variable == std::string(kUseFsdpVariable) ||
         setting.variable == std::string(kUseDeepspeedVariable);
}

std::optional<std::string> value_of(const ConfigSection& section, const std::string& key) {
  const auto found = section.find(key);
  if (found == section.end()) return std::nullopt;
  return found->second;
}

// All machines are started here as they say, and not from one of them.
absl::Status check_launcher_of_deepspeed(const ConfigSection& section) {
  for (const char* key :
       {"deepspeed_hostfile", "deepspeed_exclusion_filter", "deepspeed_inclusion_filter"}) {
    if (const std::string text = value_of(section, key).value_or(""); !text.empty()) {
      return absl::UnimplementedError(absl::StrCat(
          key, "=", text, " is not supported by a program built here; leave it out, and ",
          "start each machine with --num_machines, --machine_rank and --main_process_ip."));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void complete_sharding(const EnvironmentLookup& lookup, LaunchRequest& request) {
  const ShardingWay typed = way_of(request.config);
  for (const ShardingSetting& setting : kShardingSettings) {
    const std::string value = lookup(setting.variable).value_or("");
    const bool is_typed = value_of(request.config.fsdp_config, setting.key).has_value() ||
                          value_of(request.config.deepspeed_config, setting.key).has_value();
    if (value.empty() || is_typed) continue;
    const bool is_decided = is_switch(setting) && typed != ShardingWay::kNone;
    request.sharding_variables[setting.variable] =
        !is_decided                                         ? value
        : setting.variable == std::string(switch_of(typed)) ? "true"
                                                            : "false";
  }
}

absl::StatusOr<ShardingRequest> read_sharding_request(const LaunchRequest& request) {
  const std::map<std::string, std::string>& of_environment = request.sharding_variables;
  const auto in = [](const std::map<std::string, std::string>& values) {
    return [&values](const std::string& name) -> std::optional<std::string> {
      const auto found = values.find(name);
      if (found == values.end()) return std::nullopt;
      return found->second;
    };
  };
  std::map<std::string, std::string> settings = of_environment;
  absl::StatusOr<ShardingWay> way = find_sharding_way(in(of_environment));
  if (!way.ok()) return way.status();
  // A switch that is off says nothing about what a file asks for.
  if (*way == ShardingWay::kNone) *way = way_of(request.config);
  if (*way == ShardingWay::kNone) return ShardingRequest();
  settings[switch_of(*way)] = "true";
  const ConfigSection& section =
      *way == ShardingWay::kFsdp ? request.config.fsdp_config : request.config.deepspeed_config;
  for (const ShardingSetting& setting : kShardingSettings) {
    if (const auto value = value_of(section, setting.key)) {
      settings.emplace(setting.variable, *value);
    }
  }
  const auto name_of = [&](const ShardingSetting& setting) {
    return of_environment.contains(setting.variable) ? setting.variable : setting.key;
  };
  if (*way == ShardingWay::kDeepspeed) {
    const absl::Status status = check_launcher_of_deepspeed(section);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::optional<Sharding>> sharding = find_sharding(in(settings), name_of);
  if (!sharding.ok()) return sharding.status();
  return ShardingRequest{
      .way = *way, .sharding = *sharding, .variables = {settings.begin(), settings.end()}};
}

}  // namespace accelerate::launcher
