#include "accelerate/main/main.h"

#include <ATen/Parallel.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "accelerate/main/help.h"
#include "accelerate/memory/out_of_memory.h"
#include "accelerate/process/stop_request.h"
#include "launcher/cluster/job_machine.h"
#include "launcher/env/environment.h"
#include "launcher/env/users_folder.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/plan_description.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/posix/line_output.h"
#include "launcher/posix/standard_streams.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flags.h"
#include "launcher/request/program_origin.h"
#include "launcher/request/request_checks.h"
#include "launcher/supervisor/supervisor.h"
#include "launcher/text/printable.h"

namespace accelerate::internal {
namespace {

// What somebody asked for cannot be had, and nothing was started.
constexpr int kUsageError = 2;

// While abseil reads the program's flags, which ends the process with 1 where they are wrong.
bool is_reading_flags = false;

// Ends the process when all is done that the program itself wants done at its end. The static
// objects of libraries stay as they are: LibTorch's take its operators out of its tables one by
// one, which every process that it was loaded for would do for longer than a small program trains.
void skip_library_destructors(int exit_code, void*) {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  _exit(is_reading_flags && exit_code == 1 ? kUsageError : exit_code);
}

// What is registered first is called last: this is before any static object of the program, and
// after those of the libraries.
[[gnu::constructor(101)]] void register_last_of_program() {
  on_exit(skip_library_destructors, nullptr);
}

int fail(const std::string& message) {
  std::cerr << "error: " << message << std::endl;
  return 1;
}

int refuse(absl::string_view message) {
  fail(launcher::plain_lines(message));
  return kUsageError;
}

void warn(const std::string& message) {
  std::cerr << "accelerate: " << launcher::plain_lines(message) << "\n";
}

// Ends the process when the program has no such flag. Returns what is left over.
std::vector<std::string> parse_program_flags(const char* program,
                                             const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  is_reading_flags = true;
  const std::vector<char*> left =
      absl::ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  is_reading_flags = false;
  return {left.begin() + 1, left.end()};
}

bool is_program_flag(const std::string& name) { return absl::FindCommandLineFlag(name) != nullptr; }

int work(const Variant& variant, const std::vector<std::string>& arguments) {
  launcher::print_line_by_line();
  // Some schedulers send them to each process, before the program can ask whether they came.
  take_stop_requests(SIGUSR1);
  take_stop_requests(SIGUSR2);
  let_signals_end_first_process();
  // OpenMP read its variable when LibTorch was loaded, before this process was a worker.
  if (const char* threads = std::getenv(launcher::kThreadsVariable);
      threads != nullptr && std::atoi(threads) > 0) {
    at::set_num_threads(std::atoi(threads));
  }
  try {
    variant.train(arguments);
    Communicator::leave_world();
    return 0;
  } catch (const c10::OutOfMemoryError& error) {
    const std::string note = take_out_of_memory_note();
    return fail(error.what_without_backtrace() + (note.empty() ? note : "\n" + note));
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}

// A worker was told all in its environment, where it is not pointed to a file.
absl::StatusOr<launcher::LaunchRequest> complete(const launcher::LaunchRequest& request,
                                                 bool is_worker) {
  if (is_worker && !request.config_file.has_value()) {
    return launcher::complete_from_environment(request, launcher::process_environment);
  }
  // A worker that asks for a config file has its place all the same.
  const auto of_job = is_worker ? request : launcher::complete_from_scheduler(request);
  if (!of_job.ok()) return of_job.status();
  const auto completed = launcher::complete_request(*of_job, launcher::process_environment);
  if (!completed.ok()) return completed.status();
  for (const std::string& warning : completed->warnings) warn(warning);
  for (const std::string& remark :
       launcher::ignored_remarks(completed->request, launcher::ProgramOrigin::kHere)) {
    warn(remark);
  }
  return completed->request;
}

void describe(const launcher::LaunchPlan& plan, const std::vector<std::string>& words) {
  std::cout << launcher::describe_plan(
      plan, {.argv = words},
      [&plan](const launcher::WorkerPlace& place, const launcher::StoreEndpoint& store) {
        return launcher::worker_variables(plan, place, store);
      });
}

// What this process, which forks no others, was told by its flags and its config file.
void apply_plan(const launcher::LaunchPlan& plan, std::optional<int> threads) {
  launcher::EnvironmentChanges variables = plan.environment;
  if (threads.has_value()) variables[launcher::kThreadsVariable] = std::to_string(*threads);
  launcher::apply_environment_changes(variables);
}

}  // namespace

int run_program(int argc, char** argv, const Program& program) {
  launcher::open_standard_streams();
  const absl::Status entered = launcher::enter_users_folder();
  if (!entered.ok()) warn(std::string(entered.message()));
  const bool takes_flags = !program.takes_arguments;
  const auto request = launcher::parse_launch_flags({argv + 1, argv + argc},
                                                    takes_flags ? is_program_flag : nullptr);
  if (!request.ok()) return refuse(request.status().message());
  if (request->help) {
    std::cout << program_help(argv[0], takes_flags ? is_program_flag : nullptr);
    return 0;
  }
  const auto worker = launcher::read_worker_environment();
  if (!worker.ok()) return refuse(worker.status().message());
  const int worker_world_size = worker->has_value() ? (*worker)->world_size : 0;
  const bool is_worker = worker_world_size > 0;
  // One of the workers says it for all.
  if (is_worker && (*worker)->rank == 0) {
    const std::string remark = launcher::dropped_flags_remark(*request, worker_world_size);
    if (!remark.empty()) warn(remark);
  }
  const auto completed = complete(*request, is_worker);
  if (!completed.ok()) return refuse(completed.status().message());
  if (!is_worker && completed->config.mpirun_hostfile().has_value()) {
    return refuse("mpirun_hostfile is for `accelerate launch`; start this program with it");
  }
  const auto plan =
      plan_program(program, *completed, launcher::read_machine_for(*completed), worker_world_size);
  if (!plan.ok()) return refuse(plan.status().message());
  if (!is_worker) {
    for (const std::string& remark : plan->remarks) warn(remark);
  }
  std::vector<std::string> arguments = request->program.arguments;
  if (takes_flags) {
    arguments = parse_program_flags(argv[0], arguments);
    if (!arguments.empty()) {
      return refuse("unexpected argument `" + arguments.front() +
                    "`; --help lists the flags of this program");
    }
  }
  if (request->dry_run) {
    describe(*plan, {argv, argv + argc});
    return 0;
  }

  const int world_size = is_worker ? worker_world_size : plan->world_size();
  const Variant& variant = **find_variant(program, *plan, world_size);
  // The first process of a container waits for all orphans there, which the supervisor does.
  const bool is_first = getpid() == 1;
  if (!is_worker && (is_first || plan->needs_supervisor())) {
    return launcher::supervise(*plan, [&] { return work(variant, arguments); });
  }
  // A worker does not know with how many others it shares the cores.
  apply_plan(*plan, is_worker ? completed->threads_per_process : plan->threads_per_process);
  return work(variant, arguments);
}

}  // namespace accelerate::internal
