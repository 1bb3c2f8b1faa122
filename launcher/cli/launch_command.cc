#include "launcher/cli/launch_command.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/cli/mpirun_program.h"
#include "launcher/cluster/job_machine.h"
#include "launcher/cluster/job_template.h"
#include "launcher/env/environment.h"
#include "launcher/env/meeting_place.h"
#include "launcher/names/command_name.h"
#include "launcher/plan/command.h"
#include "launcher/plan/defaults_remark.h"
#include "launcher/plan/host_slots.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/mpirun.h"
#include "launcher/plan/plan_description.h"
#include "launcher/plan/program_variables.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flag_help.h"
#include "launcher/request/flags.h"
#include "launcher/request/launch_request.h"
#include "launcher/request/program_origin.h"
#include "launcher/request/request_checks.h"
#include "launcher/supervisor/supervisor.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

int fail(const absl::Status& status, int code, const Console& console) {
  console.errors << command_name() << " launch: " << plain_lines(status.message()) << "\n";
  return code;
}

void warn(const std::vector<std::string>& lines, const Console& console) {
  for (const std::string& line : lines) {
    console.errors << command_name() << " launch: " << plain_lines(line) << "\n";
  }
}

std::string description(const LaunchPlan& plan, const Command& command) {
  return describe_plan(plan, command, [&](const WorkerPlace& place, const StoreEndpoint& store) {
    return program_variables(plan, command, place, store);
  });
}

int print(const LaunchRequest& request, const Command& command, const Console& console) {
  const absl::StatusOr<TemplateJob> job =
      make_template_job(request, command, read_machine_for(request).num_gpus);
  if (!job.ok()) return fail(job.status(), kUsageError, console);
  console.output << print_template(*request.print, *job);
  const std::vector<std::string> left_out = left_out_flags(request, *request.print);
  if (!left_out.empty()) {
    warn({absl::StrCat("the printed file does not contain ", absl::StrJoin(left_out, ", "),
                       "; add what you need there")},
         console);
  }
  return kSuccess;
}

// Of hosts that differ and have room for just these processes; empty where all get alike.
absl::StatusOr<std::vector<int>> slots_to_fill(const std::string& hostfile,
                                               const LaunchPlan& plan) {
  std::ostringstream text;
  std::error_code error;
  // mpirun says what is wrong with another one.
  if (std::filesystem::is_regular_file(hostfile, error)) text << std::ifstream(hostfile).rdbuf();
  const std::vector<int> slots = parse_host_slots(text.str());
  if (plan.num_machines == 1 && slots.size() > 1 && plan.world_size() > slots.front()) {
    return absl::InvalidArgumentError(absl::StrCat(
        hostfile, " has ", slots.size(), " hosts, and the ", plan.world_size(),
        " processes do not fit on the first one, but --num_machines is 1, so all would look for "
        "rank 0 on their own host; pass --num_machines=",
        slots.size(), " and --main_process_ip=NAME of the first host."));
  }
  const bool differ =
      std::adjacent_find(slots.begin(), slots.end(), std::not_equal_to<>()) != slots.end();
  const std::int64_t room = std::accumulate(slots.begin(), slots.end(), std::int64_t{0});
  if (differ && room == plan.world_size()) return slots;
  if (plan.world_size() % plan.num_machines == 0) return std::vector<int>();
  return absl::InvalidArgumentError(
      absl::StrCat("--num_processes=", plan.world_size(), " cannot be divided among ",
                   plan.num_machines, " machines, and ", hostfile,
                   " does not have exactly that many slots (slots=N for each host); pass a ",
                   "multiple, or give each host as many slots as it should have processes."));
}

int launch_program(const std::vector<std::string>& words, bool says_defaults,
                   const Console& console) {
  const absl::StatusOr<LaunchRequest> request = parse_launch_command(words);
  if (!request.ok()) return fail(request.status(), kUsageError, console);
  if (request->help) {
    console.output << launch_command_help();
    return kSuccess;
  }
  const absl::StatusOr<Command> command = make_command(request->program, process_environment);
  if (!command.ok()) return fail(command.status(), kUsageError, console);
  // What is to run elsewhere has nothing to do with a job that this process is in.
  const absl::StatusOr<LaunchRequest> of_job =
      request->print.has_value() ? request : complete_from_scheduler(*request);
  if (!of_job.ok()) return fail(of_job.status(), kUsageError, console);
  const absl::StatusOr<CompletedRequest> completed = complete_request(*of_job, process_environment);
  if (!completed.ok()) return fail(completed.status(), kUsageError, console);
  warn(completed->warnings, console);
  if (request->print.has_value()) return print(completed->request, *command, console);

  const ProgramOrigin origin =
      command->takes_store_socket ? ProgramOrigin::kHere : ProgramOrigin::kElsewhere;
  const absl::StatusOr<LaunchPlan> plan =
      make_launch_plan(completed->request, origin, read_machine_for(completed->request));
  if (!plan.ok()) return fail(plan.status(), kUsageError, console);
  warn(ignored_remarks(completed->request, origin), console);
  warn(plan->remarks, console);
  // A program that launches itself takes the same defaults without a word.
  if (origin == ProgramOrigin::kElsewhere && says_defaults) {
    console.errors << defaults_remark(completed->request, *plan) << std::flush;
  }
  MpirunLaunch launch = {*plan, *command};
  if (const auto hostfile = completed->request.config.mpirun_hostfile()) {
    absl::StatusOr<MpirunOptions> mpirun = find_mpirun();
    if (!mpirun.ok()) return fail(mpirun.status(), kUsageError, console);
    mpirun->hostfile = *hostfile;
    const absl::StatusOr<std::vector<int>> slots = slots_to_fill(*hostfile, *plan);
    if (!slots.ok()) return fail(slots.status(), kUsageError, console);
    mpirun->host_slots = *slots;
    if (const std::string lost = mpirun_flags_remark(completed->request); !lost.empty()) {
      warn({lost}, console);
    }
    // Another job may have started a moment ago.
    mpirun->port = job_port(std::random_device()());
    launch = launch_through_mpirun(*plan, *command, *mpirun);
    if (request->dry_run) {
      console.output << plain_lines(describe_mpirun(*plan, launch));
      return kSuccess;
    }
  }
  if (request->dry_run) {
    console.output << plain_lines(description(launch.plan, launch.command));
    return kSuccess;
  }
  return supervise_program(launch.plan, launch.command);
}

}  // namespace

int run_launch(const std::vector<std::string>& words, const Console& console) {
  return launch_program(words, /*says_defaults=*/true, console);
}

int run_launch_of_own_program(const std::vector<std::string>& words, const Console& console) {
  return launch_program(words, /*says_defaults=*/false, console);
}

}  // namespace accelerate::launcher
