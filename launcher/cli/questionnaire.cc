#include "launcher/cli/questionnaire.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "launcher/cli/dialog/answers.h"
#include "launcher/cli/dialog/interview.h"
#include "launcher/env/home_folder.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

// More than anybody has, and few enough to multiply.
constexpr int kMostMachines = 10'000;
constexpr int kMostProcesses = 1'000'000;
constexpr int kMaxPort = 65535;

// What Accelerate's questionnaire writes whatever is answered, or where a question does not arise.
LaunchConfig base_config() {
  LaunchConfig config;
  config.num_processes = 1;
  config.same_network = true;
  config.downcast_bf16 = "no";
  config.tpu_env.emplace();
  return fill_missing_values(config);
}

auto number_from(int minimum, int maximum) {
  return [=](const std::string& answer) { return parse_number(answer, minimum, maximum); };
}

absl::StatusOr<std::string> parse_gpu_ids(const std::string& answer) {
  if (absl::EqualsIgnoreCase(answer, "all")) return "all";
  std::vector<std::string> ids = absl::StrSplit(answer, ',');
  for (std::string& id : ids) {
    absl::StripAsciiWhitespace(&id);
    const bool number = !id.empty() && std::all_of(id.begin(), id.end(), absl::ascii_isdigit);
    const bool uuid = absl::StartsWith(id, "GPU-") || absl::StartsWith(id, "MIG-");
    if (!number && !(uuid && parse_word(id).ok())) {
      return absl::InvalidArgumentError("enter numbers such as 0,1 or UUIDs of GPUs, or all.");
    }
  }
  return absl::StrJoin(ids, ",");
}

class Questionnaire {
 public:
  Questionnaire(Dialog& dialog, int num_gpus) : interview_(dialog), num_gpus_(num_gpus) {}

  absl::StatusOr<LaunchConfig> run() {
    ask_machine_type();
    if (is_distributed()) ask_machines();
    ask_cpu_only();
    if (config_.distributed_type == DistributedType::kMultiCpu) ask_mpirun();
    if (is_distributed()) ask_sharding();
    if (is_distributed()) ask_num_processes();
    if (config_.use_cpu == false && !is_sharded()) ask_gpus();
    ask_mixed_precision();
    if (!interview_.status().ok()) return interview_.status();
    return config_;
  }

 private:
  bool is_distributed() const { return config_.distributed_type != DistributedType::kNo; }
  bool is_sharded() const {
    return config_.distributed_type == DistributedType::kDeepspeed ||
           config_.distributed_type == DistributedType::kFsdp;
  }
  bool is_multi_gpu() const { return is_distributed() && config_.use_cpu == false; }

  void ask_machine_type() {
    constexpr DistributedType kTypes[] = {DistributedType::kNo, DistributedType::kMultiCpu,
                                          DistributedType::kMultiGpu};
    config_.distributed_type =
        kTypes[interview_.choose({"Which type of machine are you using?",
                                  {"No distributed training", "multi-CPU", "multi-GPU"}})];
  }

  void ask_machines() {
    config_.num_machines = interview_.ask<int>(
        {.text = "How many different machines will you use (use more than 1 for multi-node "
                 "training)?",
         .proposed = 1,
         .parse = number_from(1, kMostMachines)});
    if (config_.num_machines > 1) ask_meeting_place();
    config_.debug = interview_.ask_yes_no(
        "Should distributed operations be checked while running for errors? This can avoid "
        "timeout issues but will be slower.",
        false);
  }

  void ask_meeting_place() {
    config_.machine_rank =
        interview_.ask<int>({.text = "What is the rank of this machine?",
                             .proposed = 0,
                             .parse = number_from(0, *config_.num_machines - 1)});
    config_.main_process_ip = interview_.ask<std::string>(
        {.text = "What is the IP address of the machine that will host the main process?",
         .parse = parse_word});
    config_.main_process_port = interview_.ask<int>(
        {.text = "What is the port you will use to communicate with the main process?",
         .parse = number_from(1, kMaxPort)});
    config_.same_network = interview_.ask_yes_no(
        "Are all the machines on the same local network? Answer `no` if nodes are on the cloud "
        "and/or on different network hosts",
        true);
    if (*config_.same_network) return;
    config_.rdzv_backend = interview_.ask<std::string>(
        {.text = "What rendezvous backend will you use? ('static', 'c10d', ...)",
         .proposed = "static",
         .parse = parse_word});
  }

  void ask_cpu_only() {
    config_.use_cpu = config_.distributed_type == DistributedType::kMultiCpu;
    if (is_distributed()) return;
    config_.use_cpu = interview_.ask_yes_no(
        "Do you want to run your training on CPU only (even if a GPU is available)?", false);
  }

  void ask_mpirun() {
    if (!interview_.ask_yes_no("Do you want accelerate to launch mpirun?", false)) return;
    config_.mpirun_config["mpirun_hostfile"] = expand_home(interview_.ask<std::string>(
        {.text = "Please enter the path to the hostfile to use with mpirun",
         .proposed = "~/hostfile",
         .parse = parse_text}));
  }

  void ask_sharding() {
    if (interview_.ask_yes_no("Do you want to use DeepSpeed?", false)) {
      config_.distributed_type = DistributedType::kDeepspeed;
      const Menu stages = {
          "What should be your DeepSpeed's ZeRO optimization stage?", {"0", "1", "2"}, 2};
      config_.deepspeed_config = {{"offload_optimizer_device", "none"},
                                  {"offload_param_device", "none"},
                                  {"zero3_init_flag", "false"},
                                  {"zero_stage", stages.choices[interview_.choose(stages)]}};
    } else if (interview_.ask_yes_no("Do you want to use FullyShardedDataParallel?", false)) {
      config_.distributed_type = DistributedType::kFsdp;
      const Menu strategies = {"What should be your sharding strategy?",
                               {"SHARD_GRAD_OP", "NO_SHARD"}};
      config_.fsdp_config = {
          {"fsdp_sharding_strategy", strategies.choices[interview_.choose(strategies)]},
          {"fsdp_version", "1"}};
    }
  }

  // Accelerate takes any number, and then fails with it, at the end or at launch.
  absl::StatusOr<int> parse_num_processes(const std::string& answer) const {
    const absl::StatusOr<int> number = parse_number(answer, 1, kMostProcesses);
    const int num_machines = *config_.num_machines;
    if (!number.ok()) return number;
    if (is_multi_gpu() && num_machines == 1 && *number == 1) {
      return absl::InvalidArgumentError(
          "multi-GPU on a single machine needs 2 GPUs or more: enter how many, or start again and "
          "select `No distributed training` for the type of machine.");
    }
    if (*number % num_machines != 0) {
      return absl::InvalidArgumentError(absl::StrCat("enter the number for all ", num_machines,
                                                     " machines together, a multiple of ",
                                                     num_machines, "."));
    }
    return number;
  }

  // Something that parse_num_processes() takes.
  int proposed_num_processes() const {
    const int num_machines = *config_.num_machines;
    if (!is_multi_gpu()) return num_machines;
    return std::max(num_machines * std::max(num_gpus_, 1), num_machines == 1 ? 2 : 1);
  }

  void ask_num_processes() {
    config_.num_processes = interview_.ask<int>(
        {.text = absl::StrCat("How many ", is_multi_gpu() ? "GPU(s)" : "processes",
                              " should be used for distributed training?"),
         .proposed = proposed_num_processes(),
         .parse = [this](const std::string& answer) { return parse_num_processes(answer); }});
  }

  void ask_gpus() {
    config_.gpu_ids = interview_.ask<std::string>(
        {.text = "What GPU(s) (by id) should be used for training on this machine as a "
                 "comma-separated list?",
         .proposed = "all",
         .parse = parse_gpu_ids});
    config_.enable_cpu_affinity = interview_.ask_yes_no(
        "Would you like to enable numa efficiency? (Currently only supported on NVIDIA hardware).",
        false);
  }

  void ask_mixed_precision() {
    const Menu menu = {"Do you wish to use mixed precision?", built_precision_words()};
    config_.mixed_precision = static_cast<MixedPrecision>(interview_.choose(menu));
  }

  Interview interview_;
  int num_gpus_;
  LaunchConfig config_ = base_config();
};

}  // namespace

absl::StatusOr<LaunchConfig> ask_for_config(Dialog& dialog, int num_gpus) {
  return Questionnaire(dialog, num_gpus).run();
}

}  // namespace accelerate::launcher
