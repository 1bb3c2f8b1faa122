// What somebody asks of a launch, before anything is decided.
//
// Example:
//   LaunchRequest request = {.config = {.num_processes = 2}, .program = {.program = "train.py"}};
//   absl::StatusOr<CompletedRequest> completed =
//       complete_request(request, process_environment);  // complete_request.h
//
// Not a plan: nothing is checked against the machine here, and what nobody asked for has no value.
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
  // What the config file alone said, where one was read.
  std::optional<LaunchConfig> file = std::nullopt;

  // What the environment says about sharding and no flag does, by the variables of sharding.h; for
  // programs built here, as Python programs find it themselves.
  std::map<std::string, std::string> sharding_variables = {};

  // What only flags say.
  std::optional<std::string> config_file = std::nullopt;
  std::optional<int> processes_per_machine = std::nullopt;  // Of this one; others may differ.
  std::optional<int> threads_per_process = std::nullopt;
  // Of --gradient_accumulation_steps, which programs built here read as well. What a file says in
  // its section for DeepSpeed is for runs in its words alone.
  std::optional<std::string> accumulation_steps = std::nullopt;
  int max_restarts = 0;
  std::chrono::seconds grace_period{30};   // From SIGTERM to SIGKILL.
  std::chrono::seconds hang_timeout{300};  // A rank's waiting until it is reported; 0 for never.
  std::string run_id = "none";             // What the machines of one job know each other by.
  RendezvousSettings rendezvous = {};
  std::string role = "default";
  OutputPlan output = {};
  bool is_cpu_typed = false;  // --cpu, which also keeps the default config file unread.
  bool uses_parallelism_config = false;
  bool oversubscribe = false;  // Starts more processes than the machine is thought to bear.
  bool quiet = false;
  bool dry_run = false;
  // The scheduler for which the run is to be written down and not started: slurm, kubernetes,
  // jobset or mpi.
  std::optional<std::string> print = std::nullopt;
  bool help = false;
  ProgramRequest program = {};  // Of a program that launches itself, the arguments alone.

  // The flags that were given and mean nothing to anybody here, as the help writes them.
  std::vector<std::string> unused_flags = {};
  // What to say about other words that were typed, a line each.
  std::vector<std::string> remarks = {};

  bool operator==(const LaunchRequest&) const = default;
};

}  // namespace accelerate::launcher
