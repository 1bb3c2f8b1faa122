#include "launcher/request/python_flags.h"

#include <initializer_list>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/integer.h"

namespace accelerate::launcher {
namespace {

using Set = LaunchFlag::Set;

constexpr char kSharding[] = "Sharding: each process keeps only a part";
constexpr char kParadigms[] = "Python programs only, how the work is split";

constexpr char kAccumulationSteps[] = "gradient_accumulation_steps";

struct SectionFlag {
  const char* name;
  const char* value_name;
};

constexpr SectionFlag kDynamo[] = {
    {"dynamo_backend",
     "{no,eager,aot_eager,inductor,aot_ts_nvfuser,nvprims_nvfuser,cudagraphs,ofi,fx2trt,onnxrt,"
     "tensorrt,aot_torchxla_trace_once,torhchxla_trace_once,tvm}"},
    {"dynamo_mode", "{default,reduce-overhead,max-autotune}"},
    {"dynamo_use_fullgraph", ""},
    {"dynamo_use_dynamic", ""},
    {"dynamo_use_regional_compilation", ""},
};

constexpr SectionFlag kFsdp[] = {
    {"fsdp_version", "{1,2}"},
    {"fsdp_offload_params", "TEXT"},
    {"fsdp_min_num_params", "N"},
    {"fsdp_sharding_strategy", "TEXT"},
    {"fsdp_reshard_after_forward", "TEXT"},
    {"fsdp_auto_wrap_policy", "TEXT"},
    {"fsdp_transformer_layer_cls_to_wrap", "TEXT"},
    {"fsdp_backward_prefetch", "TEXT"},
    {"fsdp_state_dict_type", "TEXT"},
    {"fsdp_forward_prefetch", "TEXT"},
    {"fsdp_use_orig_params", "TEXT"},
    {"fsdp_cpu_ram_efficient_loading", "TEXT"},
    {"fsdp_sync_module_states", "TEXT"},
    {"fsdp_activation_checkpointing", "TEXT"},
    {"fsdp_activation_checkpointing_offload", "TEXT"},
};

// Which programs built here have, too, or refuse.
constexpr SectionFlag kStages[] = {
    {"zero_stage", "N"},
    {"offload_optimizer_device", "TEXT"},
    {"offload_param_device", "TEXT"},
};

constexpr SectionFlag kDeepspeed[] = {
    {"deepspeed_config_file", "TEXT"},        {"offload_optimizer_nvme_path", "TEXT"},
    {"offload_param_nvme_path", "TEXT"},      {kAccumulationSteps, "N"},
    {"gradient_clipping", "NUMBER"},          {"zero3_init_flag", "TEXT"},
    {"zero3_save_16bit_model", "TEXT"},       {"deepspeed_hostfile", "TEXT"},
    {"deepspeed_exclusion_filter", "TEXT"},   {"deepspeed_inclusion_filter", "TEXT"},
    {"deepspeed_multinode_launcher", "TEXT"}, {"deepspeed_moe_layer_cls_names", "TEXT"},
};

constexpr SectionFlag kMegatron[] = {
    {"megatron_lm_tp_degree", "N"},
    {"megatron_lm_use_custom_fsdp", "BOOL"},
    {"megatron_lm_no_load_optim", "BOOL"},
    {"megatron_lm_eod_mask_loss", "BOOL"},
    {"megatron_lm_overlap_cpu_optimizer_d2h_h2d", "BOOL"},
    {"megatron_lm_no_save_optim", "BOOL"},
    {"megatron_lm_optimizer_cpu_offload", "BOOL"},
    {"megatron_lm_use_precision_aware_optimizer", "BOOL"},
    {"megatron_lm_decoder_last_pipeline_num_layers", "N"},
    {"megatron_lm_pp_degree", "N"},
    {"megatron_lm_num_micro_batches", "N"},
    {"megatron_lm_sequence_parallelism", "TEXT"},
    {"megatron_lm_recompute_activations", "TEXT"},
    {"megatron_lm_use_distributed_optimizer", "TEXT"},
    {"megatron_lm_gradient_clipping", "NUMBER"},
    {"megatron_lm_recompute_granularity", "TEXT"},
    {"megatron_lm_recompute_method", "TEXT"},
    {"megatron_lm_recompute_num_layers", "N"},
    {"megatron_lm_attention_backend", "TEXT"},
    {"megatron_lm_expert_model_parallel_size", "N"},
    {"megatron_lm_context_parallel_size", "N"},
    {"megatron_lm_attention_dropout", "NUMBER"},
    {"megatron_lm_hidden_dropout", "NUMBER"},
    {"megatron_lm_attention_softmax_in_fp32", "TEXT"},
    {"megatron_lm_expert_tensor_parallel_size", "N"},
    {"megatron_lm_calculate_per_token_loss", "TEXT"},
    {"megatron_lm_use_rotary_position_embeddings", "TEXT"},
};

constexpr SectionFlag kParallelism[] = {
    {"parallelism_config_dp_replicate_size", "N"},
    {"parallelism_config_dp_shard_size", "N"},
    {"parallelism_config_tp_size", "N"},
    {"parallelism_config_cp_size", "N"},
    {"parallelism_config_cp_backend", "{torch}"},
    {"parallelism_config_cp_comm_strategy", "TEXT"},
    {"parallelism_config_sp_size", "N"},
    {"parallelism_config_sp_backend", "{deepspeed}"},
    {"parallelism_config_sp_seq_length", "TEXT"},
    {"parallelism_config_sp_seq_length_is_variable", "BOOL"},
    {"parallelism_config_sp_attn_implementation", "TEXT"},
};

constexpr SectionFlag kFp8[] = {
    {"fp8_backend", "{ao,te,msamp}"},
    {"fp8_use_autocast_during_eval", ""},
    {"fp8_margin", "N"},
    {"fp8_interval", "N"},
    {"fp8_format", "{HYBRID,E4M3,E5M2}"},
    {"fp8_amax_history_len", "N"},
    {"fp8_amax_compute_algo", "{max,most_recent}"},
    {"fp8_override_linear_precision", "TEXT"},
    {"fp8_opt_level", "{O1,O2}"},
    {"fp8_enable_fsdp_float8_all_gather", "BOOL"},
    {"fp8_pad_inner_dim", "BOOL"},
};

// For TPUs and SageMaker.
constexpr SectionFlag kUnused[] = {
    {"tpu_cluster", ""},
    {"no_tpu_cluster", ""},
    {"tpu_use_sudo", ""},
    {"vm", "TEXT"},
    {"env", "TEXT"},
    {"main_training_function", "TEXT"},
    {"downcast_bf16", ""},
    {"aws_access_key_id", "TEXT"},
    {"aws_secret_access_key", "TEXT"},
};

template <DistributedType type>
absl::Status set_type(const std::string&, LaunchRequest& request) {
  request.config.distributed_type = type;
  return absl::OkStatus();
}

absl::Status use_parallelism_config(const std::string&, LaunchRequest& request) {
  request.uses_parallelism_config = true;
  return absl::OkStatus();
}

absl::Status set_accumulation_steps(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> steps = parse_integer(
      value, {.name = absl::StrCat("--", kAccumulationSteps),
              .minimum = 1,
              .remedy = "write the number of batches for each update, a whole number."});
  if (!steps.ok()) return steps.status();
  request.config.deepspeed_config[kAccumulationSteps] = value;
  request.accumulation_steps = value;
  return absl::OkStatus();
}

template <class Flags>
void append(const Flags& flags, const char* group, FlagUse use, decltype(LaunchFlag::target) target,
            std::vector<LaunchFlag>& all) {
  for (const SectionFlag& flag : flags) {
    all.push_back({.name = flag.name,
                   .value_name = flag.value_name,
                   .group = group,
                   .use = use,
                   .target = target});
    if (all.back().name == kAccumulationSteps) all.back().target = Set(set_accumulation_steps);
  }
}

}  // namespace

std::vector<LaunchFlag> python_flags() {
  std::vector<LaunchFlag> flags = {
      {"use_fsdp", "", "Shard as the FSDP flags say.", kSharding, FlagUse::kLaunch,
       Set(set_type<DistributedType::kFsdp>)},
      {"use_deepspeed", "", "Shard as --zero_stage says.", kSharding, FlagUse::kLaunch,
       Set(set_type<DistributedType::kDeepspeed>)},
  };
  append(kFsdp, kSharding, FlagUse::kLaunch, &LaunchConfig::fsdp_config, flags);
  append(kStages, kSharding, FlagUse::kLaunch, &LaunchConfig::deepspeed_config, flags);
  const std::vector<LaunchFlag> paradigms = {
      {"use_megatron_lm", "", "Train with Megatron-LM.", kParadigms, FlagUse::kPython,
       Set(set_type<DistributedType::kMegatronLm>)},
      {"use_parallelism_config", "", "Split in several dimensions; needs --use_fsdp.", kParadigms,
       FlagUse::kPython, Set(use_parallelism_config)},
  };
  flags.insert(flags.end(), paradigms.begin(), paradigms.end());
  append(kDynamo, "Python programs only, torch.compile", FlagUse::kPython,
         &LaunchConfig::dynamo_config, flags);
  append(kParallelism, "Python programs only, parallelism", FlagUse::kPython,
         &LaunchConfig::parallelism_config, flags);
  append(kFp8, "Python programs only, fp8", FlagUse::kPython, &LaunchConfig::fp8_config, flags);
  append(kDeepspeed, "Python programs only, DeepSpeed", FlagUse::kPython,
         &LaunchConfig::deepspeed_config, flags);
  append(kMegatron, "Python programs only, Megatron-LM", FlagUse::kPython,
         &LaunchConfig::megatron_lm_config, flags);
  // It chooses a device, and so is refused rather than ignored.
  flags.push_back(
      {"tpu", "", "", "Not supported", FlagUse::kPython, Set(set_type<DistributedType::kXla>)});
  append(kUnused, "Accepted and ignored", FlagUse::kNobody, Set{}, flags);
  return flags;
}

}  // namespace accelerate::launcher
