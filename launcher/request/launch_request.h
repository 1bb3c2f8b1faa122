// What the user asks for, before anything is decided.
//
// Example:
//   LaunchRequest request = {.config = {.num_processes = 2}, .program = {.program = "train.py"}};
//   absl::StatusOr<CompletedRequest> completed =
//       complete_request(request, process_environment);  // complete_request.h
//
// Not a plan: nothing is checked against the machine, and a member that nobody asked for has no
// value.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/config/launch_config.h"
#include "launcher/request/output_plan.h"
#include "launcher/request/program_request.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {

struct LaunchRequest {
  // What flags and config files have in common.
  LaunchConfig config = {};
  // The content of the config file alone, if one was read.
  std::optional<LaunchConfig> file = std::nullopt;

  // Variables of sharding.h in the environment that no flag overrides. For programs built here;
  // Python programs read the environment themselves.
  std::map<std::string, std::string> sharding_variables = {};

  // What only flags say.
  std::optional<std::string> config_file = std::nullopt;
  std::optional<int> processes_per_machine = std::nullopt;  // Of this one; others may differ.
  std::optional<int> threads_per_process = std::nullopt;
  // The value of --gradient_accumulation_steps, which programs built here read as well. The
  // DeepSpeed section of a file counts only for runs with DeepSpeed.
  std::optional<std::string> accumulation_steps = std::nullopt;
  int max_restarts = 0;
  std::chrono::seconds grace_period{30};   // From SIGTERM to SIGKILL.
  std::chrono::seconds hang_timeout{300};  // When a waiting rank is reported; 0 for never.
  std::string run_id = "none";             // By which the machines of one job recognise each other.
  RendezvousSettings rendezvous = {};
  std::string role = "default";
  OutputPlan output = {};
  bool is_cpu_typed = false;  // --cpu, which also keeps the default config file unread.
  bool uses_parallelism_config = false;
  bool oversubscribe = false;  // Allows more processes than the machine should run.
  bool quiet = false;
  bool dry_run = false;
  // The scheduler for which to print the run instead of starting it: slurm, kubernetes, jobset or
  // mpi.
  std::optional<std::string> print = std::nullopt;
  bool help = false;
  ProgramRequest program = {};  // For a program that launches itself, only the arguments.

  // The flags that were given and have no effect here, as the help writes them.
  std::vector<std::string> unused_flags = {};
  // Remarks about other words that were typed, a line each.
  std::vector<std::string> remarks = {};

  bool operator==(const LaunchRequest&) const = default;
};

}  // namespace accelerate::launcher
