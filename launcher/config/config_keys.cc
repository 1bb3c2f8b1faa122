#include "launcher/config/config_keys.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/size_limits.h"

namespace accelerate::launcher {
namespace {

using Names = std::vector<std::string>;

std::vector<ConfigKey> make_config_keys() {
  using C = LaunchConfig;
  std::vector<ConfigKey> keys = {
      {"compute_environment", &C::compute_environment},
      {"debug", &C::debug},
      {"deepspeed_config", &C::deepspeed_config},
      {"distributed_type", &C::distributed_type},
      {"dynamo_config", &C::dynamo_config},
      {"enable_cpu_affinity", &C::enable_cpu_affinity},
      {"fp8_config", &C::fp8_config},
      {"fsdp_config", &C::fsdp_config},
      {"gpu_ids", &C::gpu_ids},
      {"machine_rank", &C::machine_rank},
      {"main_process_ip", &C::main_process_ip},
      {.name = "main_process_port", .member = &C::main_process_port, .maximum = 65535},
      {"megatron_lm_config", &C::megatron_lm_config},
      {"mixed_precision", &C::mixed_precision},
      {"mpirun_config", &C::mpirun_config},
      {.name = "num_machines", .member = &C::num_machines, .minimum = 1, .maximum = kMostMachines},
      {.name = "num_processes",
       .member = &C::num_processes,
       .minimum = 1,
       .maximum = kMostProcesses},
      {"parallelism_config", &C::parallelism_config},
      {"rdzv_backend", &C::rdzv_backend},
      {"same_network", &C::same_network},
      {"use_cpu", &C::use_cpu},

      {"additional_args", &C::additional_args, KeyUse::kElsewhere},
      {"command_file", &C::command_file, KeyUse::kElsewhere},
      {"commands", &C::commands, KeyUse::kElsewhere},
      {"downcast_bf16", &C::downcast_bf16, KeyUse::kElsewhere},
      {"main_training_function", &C::main_training_function, KeyUse::kElsewhere},
      {"tpu_env", &C::tpu_env, KeyUse::kElsewhere},
      {"tpu_name", &C::tpu_name, KeyUse::kElsewhere},
      {"tpu_use_cluster", &C::tpu_use_cluster, KeyUse::kElsewhere},
      {"tpu_use_sudo", &C::tpu_use_sudo, KeyUse::kElsewhere},
      {"tpu_vm", &C::tpu_vm, KeyUse::kElsewhere},
      {"tpu_zone", &C::tpu_zone, KeyUse::kElsewhere},
  };
  for (const char* name :
       {"base_job_name", "ec2_instance_type", "iam_role_name", "image_uri", "profile", "py_version",
        "pytorch_version", "region", "sagemaker_inputs_file", "sagemaker_metrics_file",
        "transformers_version"}) {
    keys.push_back({name, &C::sagemaker, KeyUse::kSagemaker});
  }
  std::sort(keys.begin(), keys.end(),
            [](const ConfigKey& a, const ConfigKey& b) { return a.name < b.name; });
  return keys;
}

constexpr const char* kConvertedKeys[] = {"dynamo_backend", "fp16"};
constexpr const char* kObsoleteKeys[] = {"command",   "ipex_config", "pytroch_version",
                                         "tp_config", "tpu_cluster", "xpu_config"};
constexpr const char* kFlagsOnly[] = {"cpu",
                                      "log_dir",
                                      "max_restarts",
                                      "module",
                                      "monitor_interval",
                                      "multi_gpu",
                                      "no_python",
                                      "num_cpu_threads_per_process",
                                      "quiet",
                                      "rdzv_conf",
                                      "role",
                                      "tee",
                                      "use_deepspeed",
                                      "use_fsdp",
                                      "use_megatron_lm",
                                      "use_parallelism_config"};

template <std::size_t count>
bool contains(const char* const (&names)[count], const std::string& name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

const std::map<std::string, Names>& section_keys() {
  static const std::map<std::string, Names> names = {
      {"fsdp_config",
       {"fsdp_activation_checkpointing", "fsdp_activation_checkpointing_offload",
        "fsdp_auto_wrap_policy", "fsdp_backward_prefetch", "fsdp_backward_prefetch_policy",
        "fsdp_cpu_ram_efficient_loading", "fsdp_forward_prefetch", "fsdp_ignored_modules",
        "fsdp_min_num_params", "fsdp_offload_params", "fsdp_reshard_after_forward",
        "fsdp_sharding_strategy", "fsdp_state_dict_type", "fsdp_sync_module_states",
        "fsdp_transformer_layer_cls_to_wrap", "fsdp_use_orig_params", "fsdp_version"}},
      {"deepspeed_config",
       {"deepspeed_config_file", "deepspeed_exclusion_filter", "deepspeed_hostfile",
        "deepspeed_inclusion_filter", "deepspeed_moe_layer_cls_names",
        "deepspeed_multinode_launcher", "gradient_accumulation_steps", "gradient_clipping",
        "offload_optimizer_device", "offload_optimizer_nvme_path", "offload_param_device",
        "offload_param_nvme_path", "zero3_init_flag", "zero3_save_16bit_model", "zero_stage"}},
      {"parallelism_config",
       {"parallelism_config_cp_backend", "parallelism_config_cp_comm_strategy",
        "parallelism_config_cp_size", "parallelism_config_dp_replicate_size",
        "parallelism_config_dp_shard_size", "parallelism_config_sp_attn_implementation",
        "parallelism_config_sp_backend", "parallelism_config_sp_seq_length",
        "parallelism_config_sp_seq_length_is_variable", "parallelism_config_sp_size",
        "parallelism_config_tp_size"}},
      // The questionnaire and the flags call some of these by different names.
      {"fp8_config",
       {"fp8_amax_compute_algo", "fp8_amax_compute_algorithm", "fp8_amax_history_len",
        "fp8_amax_history_length", "fp8_backend", "fp8_enable_fsdp_float8_all_gather", "fp8_format",
        "fp8_interval", "fp8_margin", "fp8_opt_level", "fp8_optimization_level",
        "fp8_override_linear_precision", "fp8_pad_inner_dim", "fp8_use_autocast_during_eval"}},
      {"mpirun_config", {"mpirun_ccl", "mpirun_hostfile"}},
  };
  return names;
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = make_config_keys();
  return keys;
}

const ConfigKey* find_config_key(const std::string& name) {
  const auto found = std::lower_bound(
      config_keys().begin(), config_keys().end(), name,
      [](const ConfigKey& key, const std::string& wanted) { return key.name < wanted; });
  return found != config_keys().end() && found->name == name ? &*found : nullptr;
}

std::vector<std::string> config_key_names() {
  Names names(std::begin(kConvertedKeys), std::end(kConvertedKeys));
  names.insert(names.end(), std::begin(kObsoleteKeys), std::end(kObsoleteKeys));
  for (const ConfigKey& key : config_keys()) names.push_back(key.name);
  return names;
}

bool is_converted_key(const std::string& name) { return contains(kConvertedKeys, name); }

bool is_obsolete_key(const std::string& name) { return contains(kObsoleteKeys, name); }

bool is_flag_only(const std::string& name) { return contains(kFlagsOnly, name); }

std::vector<std::string> section_key_names(const std::string& section) {
  const auto found = section_keys().find(section);
  return found == section_keys().end() ? Names{} : found->second;
}

std::string long_section_key(const std::string& section, const std::string& key) {
  for (const std::string prefix : {"fsdp", "fp8", "dynamo"}) {
    if (section == prefix + "_config" && !absl::StartsWith(key, prefix)) {
      return absl::StrCat(prefix, "_", key);
    }
  }
  return key;
}

bool is_key_word(const std::string& key) {
  constexpr std::size_t kLongest = 100;
  return !key.empty() && key.size() <= kLongest &&
         (absl::ascii_isalpha(static_cast<unsigned char>(key[0])) || key[0] == '_') &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

bool is_section_list(const std::string& section, const std::string& key) {
  return section == "fp8_config" &&
         long_section_key(section, key) == "fp8_override_linear_precision";
}

}  // namespace accelerate::launcher
