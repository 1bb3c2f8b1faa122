#include "launcher/request/own_flags.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/config/config_keys.h"
#include "launcher/env/integer.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/open_number.h"
#include "launcher/env/size_limits.h"
#include "launcher/names/command_name.h"
#include "launcher/request/launch_request.h"
#include "launcher/request/output_plan.h"
#include "launcher/request/program_request.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {
namespace {

using Set = LaunchFlag::Set;
using enum Decider;

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

template <auto part, auto member>
absl::Status turn_on(const std::string&, LaunchRequest& request) {
  request.*part.*member = true;
  return absl::OkStatus();
}

template <auto member>
absl::Status take_text(const std::string& value, LaunchRequest& request) {
  request.*member = value;
  return absl::OkStatus();
}

template <auto part, auto member>
absl::Status take_text(const std::string& value, LaunchRequest& request) {
  request.*part.*member = value;
  return absl::OkStatus();
}

// Whether a request says something else there than one without flags.
template <auto member>
bool differs(const LaunchRequest& request) {
  return request.*member != LaunchRequest().*member;
}

template <auto part, auto member>
bool differs(const LaunchRequest& request) {
  return request.*part.*member != LaunchRequest().*part.*member;
}

// The flag, which means nothing where one of `deciders` says the same. `is_given` as in LaunchFlag.
LaunchFlag ignored_under(std::vector<Decider> deciders, LaunchFlag flag,
                         bool (*is_given)(const LaunchRequest&) = nullptr) {
  flag.ignored_under = std::move(deciders);
  flag.is_given = is_given;
  return flag;
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

absl::Status set_threads(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> threads =
      parse_integer(value, {.name = "--num_cpu_threads_per_process",
                            .minimum = 1,
                            .maximum = kMostThreads,
                            .remedy = "leave it out to share the cores among the processes."});
  if (threads.ok()) request.threads_per_process = *threads;
  return threads.status();
}

absl::Status set_processes_per_machine(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> processes = parse_integer(
      value, {.name = "--nproc_per_node",
              .minimum = 1,
              .maximum = kMostProcesses,
              .remedy = is_open_number(value)
                            ? "leave it out to start one for each GPU, or write the number."
                            : "write for example --nproc_per_node=2."});
  if (processes.ok()) request.processes_per_machine = *processes;
  return processes.status();
}

absl::Status set_max_restarts(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> restarts = parse_integer(
      value, {.name = "--max_restarts", .remedy = "write for example --max_restarts=3."});
  if (restarts.ok()) request.max_restarts = *restarts;
  return restarts.status();
}

absl::Status set_grace_period(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> seconds =
      parse_integer(value, {.name = "--grace_period",
                            .maximum = kLongestGracePeriod,
                            .remedy = "write seconds, for example --grace_period=30."});
  if (seconds.ok()) request.grace_period = std::chrono::seconds(*seconds);
  return seconds.status();
}

absl::Status set_hang_timeout(const std::string& value, LaunchRequest& request) {
  const absl::StatusOr<int> seconds =
      parse_integer(value, {.name = "--hang_timeout",
                            .maximum = kLongestHangTimeout,
                            .remedy = "write seconds, for example --hang_timeout=300."});
  if (seconds.ok()) request.hang_timeout = std::chrono::seconds(*seconds);
  return seconds.status();
}

absl::Status set_run_id(const std::string& value, LaunchRequest& request) {
  // It is sent to the main machine, and stands in an environment variable.
  constexpr std::size_t kLongest = 256;
  if (value.empty() || value.size() > kLongest) {
    return absl::InvalidArgumentError(
        "--rdzv_id is empty or longer than 256 bytes; pass the same id on all machines.");
  }
  request.run_id = value;
  return absl::OkStatus();
}

absl::Status set_rendezvous(const std::string& value, LaunchRequest& request) {
  absl::StatusOr<RendezvousReading> reading = parse_rendezvous_settings(value);
  if (!reading.ok()) return reading.status();
  request.rendezvous = reading->settings;
  for (const std::string& name : reading->ignored) {
    request.unused_flags.push_back("--rdzv_conf " + name);
  }
  return absl::OkStatus();
}

absl::Status set_tee(const std::string& value, LaunchRequest& request) {
  absl::StatusOr<Tee> tee = parse_tee(value);
  if (tee.ok()) request.output.tee = *std::move(tee);
  return tee.status();
}

absl::Status set_local_ranks_filter(const std::string& value, LaunchRequest& request) {
  absl::StatusOr<std::vector<int>> ranks = parse_local_ranks(value);
  if (ranks.ok()) request.output.shown_local_ranks = *std::move(ranks);
  return ranks.status();
}

absl::Status set_mpirun_hostfile(const std::string& value, LaunchRequest& request) {
  request.config.mpirun_config["mpirun_hostfile"] = value;
  return absl::OkStatus();
}

// A worker's end is noticed at once, whatever the interval is.
absl::Status set_nothing(const std::string&, LaunchRequest&) { return absl::OkStatus(); }

}  // namespace

std::vector<LaunchFlag> own_flags() {
  const auto key = [](const char* name) { return find_config_key(name); };
  return {
      {"help", "", "Show this help.", kGeneral, FlagUse::kLaunch,
       Set(turn_on<&LaunchRequest::help>), "", 'h'},
      {"config_file", "FILE",
       absl::StrCat("The config file to read (the default_config.yaml of `", command_name(),
                    " config`, if there is one)."),
       kGeneral, FlagUse::kLaunch, Set(take_text<&LaunchRequest::config_file>)},
      {"dry_run", "", "Print what would be started, and start nothing.", kGeneral, FlagUse::kLaunch,
       Set(turn_on<&LaunchRequest::dry_run>)},
      {"print", "{slurm,kubernetes,jobset,mpi}",
       "Print a job file for a scheduler, and start nothing.", kGeneral, FlagUse::kCommand,
       Set(take_text<&LaunchRequest::print>)},
      {"quiet", "", "Do not report how a failed process ended; only the exit code says so.",
       kGeneral, FlagUse::kLaunch, Set(turn_on<&LaunchRequest::quiet>), "", 'q'},
      {"debug", "",
       "Make Python programs check shapes in collectives; programs built here always do.", kGeneral,
       FlagUse::kCommand, key("debug")},

      {"module", "", "PROGRAM is a Python module, as in python -m.", kProgram, FlagUse::kCommand,
       Set(turn_on<&LaunchRequest::program, &ProgramRequest::module>), "", 'm'},
      {"no_python", "", "Execute PROGRAM directly, even if its name ends in .py.", kProgram,
       FlagUse::kCommand, Set(turn_on<&LaunchRequest::program, &ProgramRequest::no_python>)},
      {"python_flags", "FLAGS", "Flags for the Python interpreter, such as \"-u -X dev\".",
       kProgram, FlagUse::kCommand,
       Set(take_text<&LaunchRequest::program, &ProgramRequest::python_flags>)},

      {"cpu", "", "Train on the CPU, even if there are GPUs.", kHardware, FlagUse::kLaunch,
       Set(set_cpu)},
      {"multi_gpu", "", "Require at least two GPUs, with one process each.", kHardware,
       FlagUse::kLaunch, Set(set_multi_gpu)},
      {"gpu_ids", "IDS", "The GPUs to use, such as 0,2 (all that CUDA shows).", kHardware,
       FlagUse::kLaunch, key("gpu_ids")},
      ignored_under(
          {kOtherLauncher, kMpirun},
          {"enable_cpu_affinity", "", "Bind each process to its share of the cores, by NUMA node.",
           kHardware, FlagUse::kLaunch, key("enable_cpu_affinity")}),

      {"mixed_precision", absl::StrCat("{", absl::StrJoin(mixed_precision_words(), ","), "}"),
       "Precision of the run (no).", kResources, FlagUse::kLaunch, key("mixed_precision")},
      ignored_under({kOtherLauncher}, {"num_processes", "N",
                                       "Processes to start (one for each GPU, or one on the CPU).",
                                       kResources, FlagUse::kLaunch, key("num_processes"), "2"}),
      ignored_under({kOtherLauncher},
                    {"nproc_per_node", "N",
                     "Processes of this machine, if the machines have different numbers.",
                     kResources, FlagUse::kLaunch, Set(set_processes_per_machine), "2"},
                    differs<&LaunchRequest::processes_per_machine>),
      {"oversubscribe", "",
       "Start any number of processes, even if the machine has too few cores or too little memory.",
       kResources, FlagUse::kLaunch, Set(turn_on<&LaunchRequest::oversubscribe>)},
      {"num_cpu_threads_per_process", "N",
       "Threads of each process (OMP_NUM_THREADS, or its share of the cores).", kResources,
       FlagUse::kLaunch, Set(set_threads)},

      ignored_under({kOtherLauncher, kPrintedJob},
                    {"main_process_port", "PORT",
                     "Port where the processes meet (any free one; 29500 for several machines).",
                     kMachines, FlagUse::kLaunch, key("main_process_port"), "0"}),
      ignored_under({kOtherLauncher, kPrintedJob},
                    {"main_process_ip", "ADDRESS", "Address of the machine with rank 0.", kMachines,
                     FlagUse::kLaunch, key("main_process_ip")}),
      ignored_under({kOtherLauncher}, {"num_machines", "N", "Number of machines (1).", kMachines,
                                       FlagUse::kLaunch, key("num_machines"), "1"}),
      ignored_under({kOtherLauncher, kMpirun},
                    {"machine_rank", "N", "Number of this machine; the first one is 0 (0).",
                     kMachines, FlagUse::kLaunch, key("machine_rank"), "0"}),
      {"same_network", "", "Accepted; has no effect.", kMachines, FlagUse::kLaunch,
       key("same_network")},
      ignored_under({kOtherLauncher},
                    {"rdzv_backend", "BACKEND",
                     "static, or c10d, which numbers the machines by itself (static).", kMachines,
                     FlagUse::kLaunch, key("rdzv_backend"), "c10d"}),
      ignored_under({kOtherLauncher, kMpirun, kPrintedJob, kPrintedMpirun},
                    {"rdzv_conf", "SETTINGS",
                     "How machines wait for each other, such as join_timeout=60 (600 seconds).",
                     kMachines, FlagUse::kLaunch, Set(set_rendezvous), "join_timeout=60"},
                    differs<&LaunchRequest::rendezvous>),
      ignored_under({kOtherLauncher, kMpirun, kPrintedJob, kPrintedMpirun},
                    {"rdzv_id", "ID", "Id of the job, the same on each of its machines (none).",
                     kMachines, FlagUse::kLaunch, Set(set_run_id)},
                    differs<&LaunchRequest::run_id>),
      {"mpirun_hostfile", "FILE", "Start the processes through mpirun, on the hosts in FILE.",
       kMachines, FlagUse::kCommand, Set(set_mpirun_hostfile)},

      ignored_under({kOtherLauncher, kMpirun, kPrintedJob, kPrintedMpirun},
                    {"tee", "STREAMS",
                     "Label the lines of each rank: 1 for standard output, 2 for standard error, 3 "
                     "for both; 0:3 for rank 0 alone (0).",
                     kOutput, FlagUse::kLaunch, Set(set_tee), "", 't'},
                    differs<&LaunchRequest::output, &OutputPlan::tee>),
      ignored_under({kOtherLauncher, kPrintedJob, kPrintedMpirun},
                    {"local_ranks_filter", "RANKS",
                     "Show the output of these ranks of each machine only, such as 0 or 0,2 (all).",
                     kOutput, FlagUse::kLaunch, Set(set_local_ranks_filter), "0"},
                    differs<&LaunchRequest::output, &OutputPlan::shown_local_ranks>),
      ignored_under(
          {kOtherLauncher, kPrintedMpirun},
          {"log_dir", "FOLDER", "Write the output of each rank and restart to files in FOLDER.",
           kOutput, FlagUse::kLaunch, Set(take_text<&LaunchRequest::output, &OutputPlan::log_dir>)},
          differs<&LaunchRequest::output, &OutputPlan::log_dir>),
      ignored_under({kOtherLauncher, kMpirun},
                    {"role", "NAME", "Name of the processes in these labels (default).", kOutput,
                     FlagUse::kLaunch, Set(take_text<&LaunchRequest::role>)},
                    differs<&LaunchRequest::role>),
      ignored_under(
          {kOtherLauncher, kPrintedMpirun},
          {"max_restarts", "N", "How often all processes start again after a failure (0).", kOutput,
           FlagUse::kLaunch, Set(set_max_restarts)},
          differs<&LaunchRequest::max_restarts>),
      ignored_under({kOtherLauncher, kPrintedMpirun},
                    {"grace_period", "SECONDS",
                     "Time from SIGTERM to SIGKILL when processes are stopped (30).", kOutput,
                     FlagUse::kLaunch, Set(set_grace_period)},
                    differs<&LaunchRequest::grace_period>),
      ignored_under({kOtherLauncher, kMpirun, kPrintedMpirun},
                    {"hang_timeout", "SECONDS",
                     "Report where each process is when one has waited for others this long; 0 for "
                     "never (300).",
                     kOutput, FlagUse::kLaunch, Set(set_hang_timeout)},
                    differs<&LaunchRequest::hang_timeout>),
      {"monitor_interval", "NUMBER",
       "Accepted; has no effect, because the end of a process is noticed at once.", kOutput,
       FlagUse::kLaunch, Set(set_nothing)},
  };
}

}  // namespace accelerate::launcher
