#include "launcher/request/flag_table.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/integer.h"
#include "launcher/env/truth_value.h"
#include "launcher/names/nearest_name.h"
#include "launcher/request/python_flags.h"

namespace accelerate::launcher {
namespace {

using Set = LaunchFlag::Set;

constexpr char kGeneral[] = "Options";
constexpr char kProgram[] = "What is launched";
constexpr char kHardware[] = "Hardware";
constexpr char kResources[] = "Resources";
constexpr char kMachines[] = "Machines and where they meet";
constexpr char kOutput[] = "Output and failures";

template <auto member>
absl::Status turn_on(const std::string&, LaunchRequest& request) {
  request.*member = true;
  return absl::OkStatus();
}

template <auto member>
absl::Status take_text(const std::string& value, LaunchRequest& request) {
  request.*member = value;
  return absl::OkStatus();
}

absl::Status set_cpu(const std::string&, LaunchRequest& request) {
  request.is_cpu_typed = true;
  request.config.use_cpu = true;
  return absl::OkStatus();
}

absl::Status set_multi_gpu(const std::string&, LaunchRequest& request) {
  request.config.distributed_type = DistributedType::kMultiGpu;
  request.config.use_cpu = false;
  return absl::OkStatus();
}

absl::Status set_python_flags(const std::string& value, LaunchRequest& request) {
  request.program.python_flags = value;
  return absl::OkStatus();
}

absl::Status set_module(const std::string&, LaunchRequest& request) {
  request.program.module = true;
  return absl::OkStatus();
}

absl::Status set_no_python(const std::string&, LaunchRequest& request) {
  request.program.no_python = true;
  return absl::OkStatus();
}

absl::Status set_threads(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> threads =
      parse_integer(value, {.name = "--num_cpu_threads_per_process",
                            .minimum = 1,
                            .remedy = "leave it out to share the cores among the processes."});
  if (threads.ok()) request.threads_per_process = *threads;
  return threads.status();
}

absl::Status set_max_restarts(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> restarts = parse_integer(
      value, {.name = "--max_restarts", .remedy = "write for example --max_restarts=3."});
  if (restarts.ok()) request.max_restarts = *restarts;
  return restarts.status();
}

absl::Status set_tee(const std::string& value, LaunchRequest& request) {
  absl::StatusOr<Tee> tee = parse_tee(value);
  if (tee.ok()) request.output.tee = *std::move(tee);
  return tee.status();
}

absl::Status set_log_dir(const std::string& value, LaunchRequest& request) {
  request.output.log_dir = value;
  return absl::OkStatus();
}

absl::Status set_mpirun_hostfile(const std::string& value, LaunchRequest& request) {
  request.config.mpirun_config["mpirun_hostfile"] = value;
  return absl::OkStatus();
}

// A worker's end is noticed at once, whatever the interval is.
absl::Status set_nothing(const std::string&, LaunchRequest&) { return absl::OkStatus(); }

std::vector<LaunchFlag> own_flags() {
  const auto key = [](const char* name) { return find_config_key(name); };
  return {
      {"help", "", "Show this help.", kGeneral, FlagUse::kLaunch,
       Set(turn_on<&LaunchRequest::help>), "", 'h'},
      {"config_file", "FILE",
       "The config file (default_config.yaml of `accelerate config`, where there is one).",
       kGeneral, FlagUse::kLaunch, Set(take_text<&LaunchRequest::config_file>)},
      {"dry_run", "", "Print what would be started, and start nothing.", kGeneral, FlagUse::kLaunch,
       Set(turn_on<&LaunchRequest::dry_run>)},
      {"quiet", "", "Do not report how a failed process ended; the exit code tells.", kGeneral,
       FlagUse::kLaunch, Set(turn_on<&LaunchRequest::quiet>), "", 'q'},
      {"debug", "", "Python programs check shapes in collectives, as those built here always do.",
       kGeneral, FlagUse::kCommand, key("debug")},

      {"module", "", "PROGRAM is a Python module, as in python -m.", kProgram, FlagUse::kCommand,
       Set(set_module), "", 'm'},
      {"no_python", "", "Execute PROGRAM itself, even if its name ends with .py.", kProgram,
       FlagUse::kCommand, Set(set_no_python)},
      {"python_flags", "FLAGS", "For the interpreter, such as \"-u -X dev\".", kProgram,
       FlagUse::kCommand, Set(set_python_flags)},

      {"cpu", "", "Train on the CPU, even where there are GPUs.", kHardware, FlagUse::kLaunch,
       Set(set_cpu)},
      {"multi_gpu", "", "Insist on at least two GPUs, one process each.", kHardware,
       FlagUse::kLaunch, Set(set_multi_gpu)},
      {"gpu_ids", "IDS", "The GPUs to use, such as 0,2 (all that CUDA shows).", kHardware,
       FlagUse::kLaunch, key("gpu_ids")},
      {"enable_cpu_affinity", "", "Bind each process to its share of the cores, by NUMA node.",
       kHardware, FlagUse::kLaunch, key("enable_cpu_affinity")},

      {"mixed_precision", "{no,fp16,bf16,fp8}", "Precision of the run (no).", kResources,
       FlagUse::kLaunch, key("mixed_precision")},
      {"num_processes", "N", "Processes to start (one for each GPU, or one on the CPU).",
       kResources, FlagUse::kLaunch, key("num_processes"), "2"},
      {"num_cpu_threads_per_process", "N",
       "Threads of each process (OMP_NUM_THREADS, or its share of the cores).", kResources,
       FlagUse::kLaunch, Set(set_threads)},

      {"main_process_port", "PORT", "Where the processes meet (0, which is any free port).",
       kMachines, FlagUse::kLaunch, key("main_process_port"), "0"},
      {"main_process_ip", "ADDRESS", "The machine with rank 0.", kMachines, FlagUse::kLaunch,
       key("main_process_ip")},
      {"num_machines", "N", "Machines that take part (1).", kMachines, FlagUse::kLaunch,
       key("num_machines"), "1"},
      {"machine_rank", "N", "The number of this machine among them (0).", kMachines,
       FlagUse::kLaunch, key("machine_rank"), "0"},
      {"same_network", "", "Accepted, and without effect.", kMachines, FlagUse::kLaunch,
       key("same_network")},
      {"rdzv_backend", "BACKEND", "Static or c10d: here both meet at main_process_ip (static).",
       kMachines, FlagUse::kLaunch, key("rdzv_backend")},
      {"rdzv_conf", "SETTINGS", "Accepted, and without effect.", kMachines, FlagUse::kLaunch,
       Set(set_nothing)},
      {"mpirun_hostfile", "FILE", "Start the processes of these hosts through mpirun.", kMachines,
       FlagUse::kCommand, Set(set_mpirun_hostfile)},

      {"tee", "STREAMS",
       "Mark the lines of each rank: 1 for output, 2 for errors, 3 for both, 0:3 for rank 0 (0).",
       kOutput, FlagUse::kLaunch, Set(set_tee), "", 't'},
      {"log_dir", "FOLDER", "Keep the output of each rank and restart in files below it.", kOutput,
       FlagUse::kLaunch, Set(set_log_dir)},
      {"role", "NAME", "What the processes are called in these marks (default).", kOutput,
       FlagUse::kLaunch, Set(take_text<&LaunchRequest::role>)},
      {"max_restarts", "N", "Times that all processes start again when one has failed (0).",
       kOutput, FlagUse::kLaunch, Set(set_max_restarts)},
      {"monitor_interval", "NUMBER", "Accepted, and without effect: an end is noticed at once.",
       kOutput, FlagUse::kLaunch, Set(set_nothing)},
  };
}

std::vector<LaunchFlag> all_flags() {
  std::vector<LaunchFlag> flags = own_flags();
  for (LaunchFlag& flag : python_flags()) flags.push_back(std::move(flag));
  return flags;
}

absl::Status invalid(const LaunchFlag& flag, const std::string& value, const std::string& remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, "=", value, " is not valid; ", remedy));
}

absl::Status check_choice(const LaunchFlag& flag, const std::string& value) {
  const std::string list = flag.value_name.substr(1, flag.value_name.size() - 2);
  const std::vector<std::string> choices = absl::StrSplit(list, ',');
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  return invalid(flag, value, suggestion(value, choices));
}

// By the rule that the name of the value is.
absl::Status check_value(const LaunchFlag& flag, const std::string& value) {
  double number = 0;
  int whole = 0;
  if (absl::StartsWith(flag.value_name, "{")) return check_choice(flag, value);
  if (flag.value_name == "NUMBER" && !absl::SimpleAtod(value, &number)) {
    return invalid(flag, value, "it takes a number such as 0.5.");
  }
  if (flag.value_name == "N" && !absl::SimpleAtoi(value, &whole)) {
    return invalid(flag, value, "it takes a whole number.");
  }
  if (flag.value_name == "BOOL" && !parse_truth_value(flag.name, value).ok()) {
    return invalid(flag, value, "it takes true or false.");
  }
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag& flag, const ConfigKey& key, const std::string& value,
                     std::optional<int>& member) {
  const absl::StatusOr<int> number = parse_integer(
      value, {.name = absl::StrCat("--", flag.name),
              .minimum = key.minimum,
              .maximum = key.maximum,
              .remedy = absl::StrCat("write for example --", flag.name, "=", flag.example, ".")});
  if (number.ok()) member = *number;
  return number.status();
}

absl::Status set_key(const LaunchFlag&, const ConfigKey&, const std::string& value,
                     std::optional<std::string>& member) {
  member = value;
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag&, const ConfigKey&, const std::string&,
                     std::optional<bool>& member) {
  member = true;
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag& flag, const ConfigKey&, const std::string& value,
                     std::optional<ConfigPrecision>& member) {
  member = find_config_precision(value);
  return member.has_value() ? absl::OkStatus() : check_choice(flag, value);
}

// Keys of other types have no flag.
template <class Member>
absl::Status set_key(const LaunchFlag& flag, const ConfigKey&, const std::string&, Member&) {
  return absl::InternalError(absl::StrCat("--", flag.name, " cannot be set"));
}

std::string section_value(const LaunchFlag& flag, const std::string& value) {
  if (flag.value_name.empty()) return "true";
  if (flag.value_name != "BOOL") return value;
  return *parse_truth_value(flag.name, value) ? "true" : "false";
}

}  // namespace

const std::vector<LaunchFlag>& launch_flags() {
  static const std::vector<LaunchFlag> flags = all_flags();
  return flags;
}

const LaunchFlag* find_launch_flag(const std::string& word) {
  static const std::map<std::string, const LaunchFlag*> by_name = [] {
    std::map<std::string, const LaunchFlag*> names;
    for (const LaunchFlag& flag : launch_flags()) {
      names[absl::StrCat("--", flag.name)] = &flag;
      if (flag.letter != 0) names[absl::StrCat("-", std::string(1, flag.letter))] = &flag;
    }
    return names;
  }();
  std::string name = word.substr(0, word.find('='));
  if (name.size() > 2) std::replace(name.begin() + 2, name.end(), '-', '_');
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

absl::Status set_launch_flag(const LaunchFlag& flag, const std::string& value,
                             LaunchRequest& request) {
  if (flag.use == FlagUse::kNobody) {
    request.unused_flags.push_back(absl::StrCat("--", flag.name));
    return absl::OkStatus();
  }
  if (const auto* key = std::get_if<const ConfigKey*>(&flag.target)) {
    return std::visit(
        [&](auto member) { return set_key(flag, **key, value, request.config.*member); },
        (*key)->member);
  }
  if (const Set* set = std::get_if<Set>(&flag.target)) {
    const absl::Status status = (*set)(value, request);
    if (!status.ok()) return status;
  }
  const absl::Status status = check_value(flag, value);
  if (!status.ok()) return status;
  if (const auto* section = std::get_if<ConfigSection LaunchConfig::*>(&flag.target)) {
    (request.config.*(*section))[flag.name] = section_value(flag, value);
  }
  return absl::OkStatus();
}

}  // namespace accelerate::launcher
