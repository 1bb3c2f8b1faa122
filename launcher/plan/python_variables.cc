#include "launcher/plan/python_variables.h"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/sharding.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

enum class Form { kAsPython, kLower, kUpper };

// A key of a section, and the variable that says its value.
struct Row {
  const char* key;
  const char* fallback = nullptr;  // Without a value there is no variable where this is null.
  const char* variable = nullptr;  // Where it is not the key in capitals behind the table's prefix.
};

// Of what Accelerate itself reads; FSDP, Megatron-LM and parallelism name theirs alone.
constexpr char kPrefix[] = "ACCELERATE_";

constexpr Row kDynamo[] = {
    {"dynamo_mode", "default"},
    {"dynamo_use_fullgraph", "false"},
    {"dynamo_use_dynamic", "false"},
    {"dynamo_use_regional_compilation", "false"},
};

// In lower case.
constexpr Row kFsdpSwitches[] = {
    {"fsdp_reshard_after_forward", "true"},     {"fsdp_offload_params", "false"},
    {"fsdp_forward_prefetch", "false"},         {"fsdp_use_orig_params", "true"},
    {"fsdp_cpu_ram_efficient_loading", "true"}, {"fsdp_sync_module_states", "true"},
    {"fsdp_activation_checkpointing", "false"}, {"fsdp_activation_checkpointing_offload", "false"},
};

constexpr Row kFsdpTexts[] = {
    {"fsdp_version", "1"},
    {"fsdp_min_num_params", "100000000"},
    {"fsdp_auto_wrap_policy"},
    {"fsdp_transformer_layer_cls_to_wrap", nullptr, "FSDP_TRANSFORMER_CLS_TO_WRAP"},
    {"fsdp_backward_prefetch"},
    {"fsdp_state_dict_type"},
    {"fsdp_ignored_modules"},
};

// The rest of Megatron's keys have no default.
constexpr Row kMegatron[] = {
    {"megatron_lm_tp_degree", "1"},
    {"megatron_lm_pp_degree", "1"},
    {"megatron_lm_gradient_clipping", "1.0"},
    {"megatron_lm_use_custom_fsdp", "false"},
    {"megatron_lm_no_load_optim", "false"},
    {"megatron_lm_eod_mask_loss", "false"},
    {"megatron_lm_no_save_optim", "false"},
    {"megatron_lm_optimizer_cpu_offload", "false"},
    {"megatron_lm_use_precision_aware_optimizer", "false"},
    {"megatron_lm_overlap_cpu_optimizer_d2h_h2d", "false"},
};

constexpr Row kParallelism[] = {
    {"parallelism_config_dp_replicate_size", "1"},
    {"parallelism_config_dp_shard_size", "1"},
    {"parallelism_config_tp_size", "1"},
    {"parallelism_config_cp_size", "1"},
    {"parallelism_config_cp_backend", "torch"},
    {"parallelism_config_sp_size", "1"},
    {"parallelism_config_sp_backend", "deepspeed"},
};

constexpr Row kContextParallelism[] = {
    {"parallelism_config_cp_comm_strategy", "allgather"},
};

constexpr Row kSequenceParallelism[] = {
    {"parallelism_config_sp_seq_length", "None"},
    {"parallelism_config_sp_seq_length_is_variable", "true"},
    {"parallelism_config_sp_attn_implementation", "sdpa"},
};

constexpr Row kDeepspeedTexts[] = {
    {"zero_stage", nullptr, "ACCELERATE_DEEPSPEED_ZERO_STAGE"},
    {"gradient_accumulation_steps"},
    {"deepspeed_config_file"},
    {"deepspeed_moe_layer_cls_names"},
};

// In lower case.
constexpr Row kDeepspeedSwitches[] = {
    {"gradient_clipping"},
    {"offload_optimizer_device", nullptr, "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE"},
    {"offload_param_device", nullptr, "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE"},
    {"zero3_init_flag", nullptr, "ACCELERATE_DEEPSPEED_ZERO3_INIT"},
    {"zero3_save_16bit_model", nullptr, "ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL"},
};

// The rest of the keys have no default.
constexpr Row kFp8Defaults[] = {
    {"fp8_use_autocast_during_eval", "false"},
    {"fp8_margin", "0"},
    {"fp8_interval", "1"},
    {"fp8_format", "HYBRID"},
    {"fp8_amax_history_len", "1024"},
    {"fp8_amax_compute_algo", "most_recent"},
    {"fp8_opt_level", "O2"},
    {"fp8_enable_fsdp_float8_all_gather", "true"},
    {"fp8_pad_inner_dim", "true"},
};
constexpr char kFp8LinearPrecision[] = "fp8_override_linear_precision";

// Truth values in a section are written as YAML does, and in the environment as Python does.
std::string in_form(const std::string& value, Form form) {
  if (form == Form::kLower) return absl::AsciiStrToLower(value);
  if (form == Form::kUpper) return absl::AsciiStrToUpper(value);
  if (value == "true") return "True";
  return value == "false" ? "False" : value;
}

std::optional<std::string> value_of(const ConfigSection& section, const std::string& key) {
  const auto found = section.find(key);
  if (found == section.end()) return std::nullopt;
  return found->second;
}

std::string variable_of(const std::string& key, const std::string& prefix) {
  return absl::StrCat(prefix, absl::AsciiStrToUpper(key));
}

template <class Rows>
void add(const Rows& rows, const std::string& prefix, const ConfigSection& section, Form form,
         EnvironmentChanges& variables) {
  for (const Row& row : rows) {
    std::optional<std::string> value = value_of(section, row.key);
    if (!value.has_value() && row.fallback != nullptr) value = row.fallback;
    if (!value.has_value()) continue;
    variables[row.variable ? row.variable : variable_of(row.key, prefix)] = in_form(*value, form);
  }
}

void add_all(const ConfigSection& section, const std::string& prefix,
             EnvironmentChanges& variables) {
  for (const auto& [key, value] : section) {
    variables[variable_of(key, prefix)] = in_form(value, Form::kAsPython);
  }
}

void add_dynamo(const LaunchConfig& config, EnvironmentChanges& variables) {
  const std::string backend = value_of(config.dynamo_config, "dynamo_backend").value_or("no");
  variables["ACCELERATE_DYNAMO_BACKEND"] = in_form(backend, Form::kUpper);
  add(kDynamo, kPrefix, config.dynamo_config, Form::kAsPython, variables);
}

absl::Status add_fsdp(const LaunchConfig& config, EnvironmentChanges& variables) {
  const ConfigSection& fsdp = config.fsdp_config;
  variables[kUseFsdpVariable] = "true";
  variables[kFsdpStrategyVariable] = fsdp_strategy(value_of(fsdp, "fsdp_sharding_strategy"),
                                                   value_of(fsdp, "fsdp_reshard_after_forward"));
  add(kFsdpTexts, "", fsdp, Form::kAsPython, variables);
  add(kFsdpSwitches, "", fsdp, Form::kLower, variables);
  if (variables["FSDP_CPU_RAM_EFFICIENT_LOADING"] == "true" &&
      variables["FSDP_SYNC_MODULE_STATES"] == "false") {
    return absl::InvalidArgumentError(
        "When using `--fsdp_cpu_ram_efficient_loading` set `--fsdp_sync_module_states` to `True`, "
        "or set the former to false.");
  }
  return absl::OkStatus();
}

bool uses_parallelism_config(const LaunchRequest& request) {
  if (request.uses_parallelism_config) return true;
  // A typed --cpu leaves out how the file trains on accelerators.
  return !request.is_cpu_typed && request.file.has_value() &&
         !request.file->parallelism_config.empty();
}

absl::Status add_parallelism(const LaunchConfig& config, EnvironmentChanges& variables) {
  if (config.distributed_type != DistributedType::kFsdp || variables["FSDP_VERSION"] != "2") {
    return absl::InvalidArgumentError(
        "You cannot use `--use_parallelism_config` (or a `parallelism_config`) without "
        "`--use_fsdp` and `--fsdp_version=2`; add them, or leave it out.");
  }
  const ConfigSection& section = config.parallelism_config;
  variables["ACCELERATE_USE_PARALLELISM_CONFIG"] = "true";
  add(kParallelism, "", section, Form::kAsPython, variables);
  if (variables["PARALLELISM_CONFIG_CP_SIZE"] != "1") {
    add(kContextParallelism, "", section, Form::kAsPython, variables);
  }
  if (variables["PARALLELISM_CONFIG_SP_SIZE"] != "1") {
    add(kSequenceParallelism, "", section, Form::kAsPython, variables);
  }
  return absl::OkStatus();
}

void add_megatron(const LaunchConfig& config, EnvironmentChanges& variables) {
  variables["ACCELERATE_USE_MEGATRON_LM"] = "true";
  add_all(config.megatron_lm_config, "", variables);
  add(kMegatron, "", config.megatron_lm_config, Form::kAsPython, variables);
}

// DeepSpeed is told which of its settings come from a config file of Accelerate.
std::string deepspeed_fields(const LaunchRequest& request, const EnvironmentLookup& lookup) {
  if (!request.file.has_value()) return "";
  std::vector<std::string> fields;
  for (const auto& [key, value] : request.file->deepspeed_config) fields.push_back(key);
  const bool is_precision_from_file =
      request.file->mixed_precision.has_value() &&
      request.config.mixed_precision == request.file->mixed_precision &&
      !lookup(kMixedPrecisionVariable).has_value();
  if (is_precision_from_file) fields.push_back("mixed_precision");
  return absl::StrJoin(fields, ",");
}

void add_deepspeed(const LaunchRequest& request, const EnvironmentLookup& lookup,
                   EnvironmentChanges& variables) {
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  const std::optional<std::string> path = lookup("PYTHONPATH");
  variables["PYTHONPATH"] = path.has_value() ? absl::StrCat(*path, ":", folder) : folder;
  variables[kUseDeepspeedVariable] = "true";
  variables["ACCELERATE_CONFIG_DS_FIELDS"] = deepspeed_fields(request, lookup);
  add(kDeepspeedTexts, kPrefix, request.config.deepspeed_config, Form::kAsPython, variables);
  add(kDeepspeedSwitches, kPrefix, request.config.deepspeed_config, Form::kLower, variables);
}

absl::Status add_fp8(ConfigSection fp8, EnvironmentChanges& variables) {
  variables[kMixedPrecisionVariable] = "fp8";
  const std::string text = value_of(fp8, kFp8LinearPrecision).value_or("false,false,false");
  const std::vector<std::string> overrides = absl::StrSplit(text, ',');
  constexpr std::array kPasses = {"FPROP", "DGRAD", "WGRAD"};
  if (overrides.size() != kPasses.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", kFp8LinearPrecision, "=", text,
        " is not valid; write three truth values for fprop, dgrad and wgrad: false,false,true."));
  }
  for (std::size_t i = 0; i < kPasses.size(); ++i) {
    variables[absl::StrCat("ACCELERATE_FP8_OVERRIDE_", kPasses[i])] =
        in_form(overrides[i], Form::kAsPython);
  }
  fp8.erase(kFp8LinearPrecision);
  add_all(fp8, kPrefix, variables);
  add(kFp8Defaults, kPrefix, fp8, Form::kAsPython, variables);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EnvironmentChanges> python_variables(const LaunchRequest& request,
                                                    const EnvironmentLookup& lookup) {
  const LaunchConfig& config = request.config;
  EnvironmentChanges variables;
  add_dynamo(config, variables);
  absl::Status status;
  if (config.distributed_type == DistributedType::kFsdp) status = add_fsdp(config, variables);
  if (config.distributed_type == DistributedType::kMegatronLm) add_megatron(config, variables);
  if (config.distributed_type == DistributedType::kDeepspeed) {
    add_deepspeed(request, lookup, variables);
  }
  if (status.ok() && uses_parallelism_config(request)) status = add_parallelism(config, variables);
  if (status.ok() && config.mixed_precision == MixedPrecision::kFp8) {
    status = add_fp8(config.fp8_config, variables);
  }
  if (!status.ok()) return status;
  return variables;
}

}  // namespace accelerate::launcher
