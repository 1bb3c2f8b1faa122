#include "launcher/plan/python_variables.h"

#include <algorithm>
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
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

enum class Form { kAsPython, kLower, kUpper };

// A key of a section, and the variable that says its value.
struct Row {
  const char* key;
  const char* variable;
  const char* fallback = nullptr;  // Without a value there is no variable where this is null.
};

constexpr Row kDynamo[] = {
    {"dynamo_mode", kDynamoModeVariable, "default"},
    {"dynamo_use_fullgraph", kDynamoFullgraphVariable, "false"},
    {"dynamo_use_dynamic", kDynamoDynamicVariable, "false"},
    {"dynamo_use_regional_compilation", kDynamoRegionalVariable, "false"},
};

// In lower case.
constexpr Row kFsdpSwitches[] = {
    {"fsdp_reshard_after_forward", "FSDP_RESHARD_AFTER_FORWARD", "true"},
    {"fsdp_offload_params", "FSDP_OFFLOAD_PARAMS", "false"},
    {"fsdp_forward_prefetch", "FSDP_FORWARD_PREFETCH", "false"},
    {"fsdp_use_orig_params", "FSDP_USE_ORIG_PARAMS", "true"},
    {"fsdp_cpu_ram_efficient_loading", "FSDP_CPU_RAM_EFFICIENT_LOADING", "true"},
    {"fsdp_sync_module_states", "FSDP_SYNC_MODULE_STATES", "true"},
    {"fsdp_activation_checkpointing", "FSDP_ACTIVATION_CHECKPOINTING", "false"},
    {"fsdp_activation_checkpointing_offload", "FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD", "false"},
};

constexpr Row kFsdpTexts[] = {
    {"fsdp_version", "FSDP_VERSION", "1"},
    {"fsdp_min_num_params", "FSDP_MIN_NUM_PARAMS", "100000000"},
    {"fsdp_auto_wrap_policy", "FSDP_AUTO_WRAP_POLICY"},
    {"fsdp_transformer_layer_cls_to_wrap", "FSDP_TRANSFORMER_CLS_TO_WRAP"},
    {"fsdp_backward_prefetch", "FSDP_BACKWARD_PREFETCH"},
    {"fsdp_state_dict_type", "FSDP_STATE_DICT_TYPE"},
    {"fsdp_ignored_modules", "FSDP_IGNORED_MODULES"},
};

constexpr std::array kFsdpStrategies = {"FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD",
                                        "HYBRID_SHARD_ZERO2"};

// The rest of Megatron's keys have no default, and variables of their own name.
constexpr Row kMegatron[] = {
    {"megatron_lm_tp_degree", "MEGATRON_LM_TP_DEGREE", "1"},
    {"megatron_lm_pp_degree", "MEGATRON_LM_PP_DEGREE", "1"},
    {"megatron_lm_gradient_clipping", "MEGATRON_LM_GRADIENT_CLIPPING", "1.0"},
    {"megatron_lm_use_custom_fsdp", "MEGATRON_LM_USE_CUSTOM_FSDP", "false"},
    {"megatron_lm_no_load_optim", "MEGATRON_LM_NO_LOAD_OPTIM", "false"},
    {"megatron_lm_eod_mask_loss", "MEGATRON_LM_EOD_MASK_LOSS", "false"},
    {"megatron_lm_no_save_optim", "MEGATRON_LM_NO_SAVE_OPTIM", "false"},
    {"megatron_lm_optimizer_cpu_offload", "MEGATRON_LM_OPTIMIZER_CPU_OFFLOAD", "false"},
    {"megatron_lm_use_precision_aware_optimizer", "MEGATRON_LM_USE_PRECISION_AWARE_OPTIMIZER",
     "false"},
    {"megatron_lm_overlap_cpu_optimizer_d2h_h2d", "MEGATRON_LM_OVERLAP_CPU_OPTIMIZER_D2H_H2D",
     "false"},
};

constexpr Row kParallelism[] = {
    {"parallelism_config_dp_replicate_size", "PARALLELISM_CONFIG_DP_REPLICATE_SIZE", "1"},
    {"parallelism_config_dp_shard_size", "PARALLELISM_CONFIG_DP_SHARD_SIZE", "1"},
    {"parallelism_config_tp_size", "PARALLELISM_CONFIG_TP_SIZE", "1"},
    {"parallelism_config_cp_size", "PARALLELISM_CONFIG_CP_SIZE", "1"},
    {"parallelism_config_cp_backend", "PARALLELISM_CONFIG_CP_BACKEND", "torch"},
    {"parallelism_config_sp_size", "PARALLELISM_CONFIG_SP_SIZE", "1"},
    {"parallelism_config_sp_backend", "PARALLELISM_CONFIG_SP_BACKEND", "deepspeed"},
};

constexpr Row kContextParallelism[] = {
    {"parallelism_config_cp_comm_strategy", "PARALLELISM_CONFIG_CP_COMM_STRATEGY", "allgather"},
};

constexpr Row kSequenceParallelism[] = {
    {"parallelism_config_sp_seq_length", "PARALLELISM_CONFIG_SP_SEQ_LENGTH", "None"},
    {"parallelism_config_sp_seq_length_is_variable", "PARALLELISM_CONFIG_SP_SEQ_LENGTH_IS_VARIABLE",
     "true"},
    {"parallelism_config_sp_attn_implementation", "PARALLELISM_CONFIG_SP_ATTN_IMPLEMENTATION",
     "sdpa"},
};

constexpr Row kDeepspeedTexts[] = {
    {"zero_stage", "ACCELERATE_DEEPSPEED_ZERO_STAGE"},
    {"gradient_accumulation_steps", "ACCELERATE_GRADIENT_ACCUMULATION_STEPS"},
    {"deepspeed_config_file", "ACCELERATE_DEEPSPEED_CONFIG_FILE"},
    {"deepspeed_moe_layer_cls_names", "ACCELERATE_DEEPSPEED_MOE_LAYER_CLS_NAMES"},
};

// In lower case.
constexpr Row kDeepspeedSwitches[] = {
    {"gradient_clipping", "ACCELERATE_GRADIENT_CLIPPING"},
    {"offload_optimizer_device", "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE"},
    {"offload_param_device", "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE"},
    {"zero3_init_flag", "ACCELERATE_DEEPSPEED_ZERO3_INIT"},
    {"zero3_save_16bit_model", "ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL"},
};

// fp8 keys have variables of their own name as well.
constexpr Row kFp8Defaults[] = {
    {"fp8_use_autocast_during_eval", "ACCELERATE_FP8_USE_AUTOCAST_DURING_EVAL", "false"},
    {"fp8_margin", "ACCELERATE_FP8_MARGIN", "0"},
    {"fp8_interval", "ACCELERATE_FP8_INTERVAL", "1"},
    {"fp8_format", "ACCELERATE_FP8_FORMAT", "HYBRID"},
    {"fp8_amax_history_len", "ACCELERATE_FP8_AMAX_HISTORY_LEN", "1024"},
    {"fp8_amax_compute_algo", "ACCELERATE_FP8_AMAX_COMPUTE_ALGO", "most_recent"},
    {"fp8_opt_level", "ACCELERATE_FP8_OPT_LEVEL", "O2"},
    {"fp8_enable_fsdp_float8_all_gather", "ACCELERATE_FP8_ENABLE_FSDP_FLOAT8_ALL_GATHER", "true"},
    {"fp8_pad_inner_dim", "ACCELERATE_FP8_PAD_INNER_DIM", "true"},
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

template <class Rows>
void add(const Rows& rows, const ConfigSection& section, Form form, EnvironmentChanges& variables) {
  for (const Row& row : rows) {
    const std::optional<std::string> value = value_of(section, row.key);
    if (!value.has_value() && row.fallback == nullptr) continue;
    variables[row.variable] = in_form(value.value_or(row.fallback ? row.fallback : ""), form);
  }
}

void add_by_name(const ConfigSection& section, const std::string& prefix,
                 EnvironmentChanges& variables) {
  for (const auto& [key, value] : section) {
    variables[absl::StrCat(prefix, absl::AsciiStrToUpper(key))] = in_form(value, Form::kAsPython);
  }
}

void add_dynamo(const LaunchConfig& config, EnvironmentChanges& variables) {
  const std::string backend = value_of(config.dynamo_config, "dynamo_backend").value_or("no");
  variables[kDynamoBackendVariable] = in_form(backend, Form::kUpper);
  add(kDynamo, config.dynamo_config, Form::kAsPython, variables);
}

std::string fsdp_strategy(const ConfigSection& fsdp) {
  if (const auto strategy = value_of(fsdp, "fsdp_sharding_strategy")) return *strategy;
  const std::string reshard = value_of(fsdp, "fsdp_reshard_after_forward").value_or("");
  const bool is_strategy =
      std::find(kFsdpStrategies.begin(), kFsdpStrategies.end(), reshard) != kFsdpStrategies.end();
  return is_strategy ? reshard : kFsdpStrategies[0];
}

absl::Status add_fsdp(const LaunchConfig& config, EnvironmentChanges& variables) {
  const ConfigSection& fsdp = config.fsdp_config;
  variables["ACCELERATE_USE_FSDP"] = "true";
  variables["FSDP_SHARDING_STRATEGY"] = fsdp_strategy(fsdp);
  add(kFsdpTexts, fsdp, Form::kAsPython, variables);
  add(kFsdpSwitches, fsdp, Form::kLower, variables);
  if (variables["FSDP_CPU_RAM_EFFICIENT_LOADING"] == "true" &&
      variables["FSDP_SYNC_MODULE_STATES"] == "false") {
    return absl::InvalidArgumentError(
        "When using `--fsdp_cpu_ram_efficient_loading` set `--fsdp_sync_module_states` to `True`, "
        "or set the former to false.");
  }
  return absl::OkStatus();
}

bool uses_parallelism_config(const LaunchRequest& request) {
  return request.uses_parallelism_config ||
         (request.file.has_value() && !request.file->parallelism_config.empty());
}

absl::Status add_parallelism(const LaunchConfig& config, EnvironmentChanges& variables) {
  if (config.distributed_type != DistributedType::kFsdp || variables["FSDP_VERSION"] != "2") {
    return absl::InvalidArgumentError(
        "You cannot use `--use_parallelism_config` (or a `parallelism_config`) without "
        "`--use_fsdp` and `--fsdp_version=2`; add them, or leave it out.");
  }
  const ConfigSection& section = config.parallelism_config;
  variables["ACCELERATE_USE_PARALLELISM_CONFIG"] = "true";
  add(kParallelism, section, Form::kAsPython, variables);
  if (variables["PARALLELISM_CONFIG_CP_SIZE"] != "1") {
    add(kContextParallelism, section, Form::kAsPython, variables);
  }
  if (variables["PARALLELISM_CONFIG_SP_SIZE"] != "1") {
    add(kSequenceParallelism, section, Form::kAsPython, variables);
  }
  return absl::OkStatus();
}

void add_megatron(const LaunchConfig& config, EnvironmentChanges& variables) {
  variables["ACCELERATE_USE_MEGATRON_LM"] = "true";
  add_by_name(config.megatron_lm_config, "", variables);
  add(kMegatron, config.megatron_lm_config, Form::kAsPython, variables);
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
  variables["ACCELERATE_USE_DEEPSPEED"] = "true";
  variables["ACCELERATE_CONFIG_DS_FIELDS"] = deepspeed_fields(request, lookup);
  add(kDeepspeedTexts, request.config.deepspeed_config, Form::kAsPython, variables);
  add(kDeepspeedSwitches, request.config.deepspeed_config, Form::kLower, variables);
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
  add_by_name(fp8, "ACCELERATE_", variables);
  add(kFp8Defaults, fp8, Form::kAsPython, variables);
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
  if (status.ok() && config.mixed_precision == ConfigPrecision::kFp8) {
    status = add_fp8(config.fp8_config, variables);
  }
  if (!status.ok()) return status;
  return variables;
}

}  // namespace accelerate::launcher
