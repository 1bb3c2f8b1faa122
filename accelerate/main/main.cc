#include "accelerate/main/main.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "absl/flags/parse.h"
#include "accelerate/main/help.h"
#include "launcher/env/variable_names.h"
#include "launcher/plan/machine.h"
#include "launcher/supervisor/supervisor.h"

namespace accelerate::internal {
namespace {

int fail(const std::string& message) {
  std::cerr << "error: " << message << std::endl;
  return 1;
}

// bazel run starts programs in their runfiles and says here where the user is.
void enter_users_directory() {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory != nullptr && chdir(directory) != 0) {
    std::cerr << "warning: the folder " << directory
              << " cannot be entered; relative paths start in the runfiles\n";
  }
}

// Ends the process when the program has no such flag. Returns what is left over.
std::vector<std::string> parse_program_flags(const char* program,
                                             const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  const std::vector<char*> left =
      absl::ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  return {left.begin() + 1, left.end()};
}

int work(const Variant& variant, const std::vector<std::string>& arguments) {
  // Line by line, also into a pipe: a run that is watched or killed must show what it printed.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  // OpenMP read its variable when LibTorch was loaded, before this process was a worker.
  if (const char* threads = std::getenv(launcher::kThreadsVariable);
      threads != nullptr && std::atoi(threads) > 0) {
    at::set_num_threads(std::atoi(threads));
  }
  try {
    variant.train(arguments);
    Communicator::leave_world();
    return 0;
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}

}  // namespace

int run_program(int argc, char** argv, const Program& program) {
  enter_users_directory();
  const auto line = launcher::parse_launch_flags({argv + 1, argv + argc});
  if (!line.ok()) return fail(std::string(line.status().message()));
  if (line->flags.help) {
    std::cout << program_help(argv[0], !program.takes_arguments);
    return 0;
  }
  const auto worker = launcher::read_worker_environment();
  if (!worker.ok()) return fail(std::string(worker.status().message()));
  const int worker_world_size = worker->has_value() ? (*worker)->world_size : 0;
  const auto plan = plan_program(program, line->flags, launcher::process_environment,
                                 launcher::read_machine(), worker_world_size);
  if (!plan.ok()) return fail(std::string(plan.status().message()));

  std::vector<std::string> arguments = line->program_arguments;
  if (!program.takes_arguments) {
    arguments = parse_program_flags(argv[0], arguments);
    if (!arguments.empty()) {
      return fail("unexpected argument `" + arguments.front() +
                  "`; --help lists the flags of this program");
    }
  }

  const int world_size = worker_world_size > 0 ? worker_world_size : plan->num_processes;
  const Variant& variant = **find_variant(program, *plan, world_size);
  if (worker_world_size > 0 || !plan->is_multi_process()) return work(variant, arguments);
  return launcher::supervise(*plan, [&] { return work(variant, arguments); });
}

}  // namespace accelerate::internal
