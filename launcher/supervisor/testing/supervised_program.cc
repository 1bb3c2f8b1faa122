// A program that launches itself, to be run by the supervisor's tests: `supervised_program [launch
// flags] [grace_ms=N] MODE [ARGUMENT...]`. Each worker does what MODE says.

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "launcher/env/environment.h"
#include "launcher/env/worker_environment.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/request/flags.h"
#include "launcher/supervisor/supervisor.h"

namespace accelerate::launcher {
namespace {

using Arguments = std::vector<std::string>;

struct Self {
  int rank;
  Arguments arguments;

  // Whether the first argument is this rank.
  bool is_chosen() const { return std::stoi(arguments.at(0)) == rank; }
};

[[noreturn]] void wait_for_ever() {
  while (true) pause();
}

// Waits for a line on standard input where there is one, for ever elsewhere.
int wait_for_release(const Self& self) {
  std::string line;
  if (self.rank == 0 && std::getline(std::cin, line)) return 0;
  wait_for_ever();
}

int succeed(const Self&) { return 0; }

int fail(const Self& self) {
  if (!self.is_chosen()) wait_for_ever();
  for (int line = 1; line <= 30; ++line) std::cerr << "reason " << line << "\n";
  return std::stoi(self.arguments.at(1));
}

// Rank 1 fails in each attempt below the one that the first argument names.
int fail_until(const Self& self) {
  const int attempt = std::stoi(*process_environment("TORCHELASTIC_RESTART_COUNT"));
  std::printf("rank %d attempt %d\n", self.rank, attempt);
  if (attempt == std::stoi(self.arguments.at(0))) return 0;
  if (self.rank != 1) wait_for_ever();
  return 7;
}

int crash(const Self& self) {
  if (!self.is_chosen()) wait_for_ever();
  std::cerr << "about to crash" << std::endl;
  // A sanitizer has handlers of its own.
  signal(std::stoi(self.arguments.at(1)), SIG_DFL);
  raise(std::stoi(self.arguments.at(1)));
  return 0;
}

int throw_exception(const Self& self) {
  if (!self.is_chosen()) wait_for_ever();
  throw std::runtime_error("thrown by a worker");
}

// The first rank exits with 3 and the last one crashes while the supervisor is stopped, which
// learns of both at once when it is continued.
int fail_at_once(const Self& self) {
  const pid_t supervisor = getppid();
  if (self.rank > 0) kill(supervisor, SIGSTOP);
  std::string state;
  while (state != "T") {
    std::ifstream stat("/proc/" + std::to_string(supervisor) + "/stat");
    std::string skipped;
    stat >> skipped >> skipped >> state;
  }
  if (self.rank == 0) return 3;
  std::abort();
}

int ignore_termination(const Self& self) {
  if (self.is_chosen()) return 3;
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  std::printf("ready %d\n", self.rank);
  wait_for_ever();
}

// Becomes another user again than the supervisor is by now, and waits for standard input to end.
int wait_as_root(const Self& self) {
  if (setresuid(0, 0, 0) != 0) return 1;
  std::printf("ready %d\n", self.rank);
  std::string line;
  while (std::getline(std::cin, line)) continue;
  return 0;
}

int print_signal(const Self& self) {
  static volatile std::sig_atomic_t received = 0;
  sigset_t signals;
  sigset_t old_signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) {
    signal(number, [](int signal) { received = signal; });
    sigaddset(&signals, number);
  }
  sigprocmask(SIG_BLOCK, &signals, &old_signals);
  std::printf("ready %d\n", self.rank);
  sigsuspend(&old_signals);
  std::printf("rank %d received %d\n", self.rank, static_cast<int>(received));
  return 0;
}

// Starts a process that sleeps in the worker's process group, and waits or exits.
int spawn(const Self& self) {
  const pid_t pid = fork();
  if (pid == 0) {
    execlp("sleep", "sleep", "1000", nullptr);
    std::abort();
  }
  std::printf("ready %d\n", self.rank);
  if (self.arguments.at(0) == "exit") return 0;
  wait_for_ever();
}

// Without a flush of its own: after the last use of std::cerr, which flushes std::cout.
int print_lines(const Self& self) {
  std::cerr << "err " << self.rank << "\n";
  std::printf("out %d\n", self.rank);
  std::cout << "cout " << self.rank << "\n";
  return wait_for_release(self);
}

int print_input(const Self& self) {
  std::string input;
  std::getline(std::cin, input);
  std::printf("rank %d read '%s'\n", self.rank, input.c_str());
  return 0;
}

int print_environment(const Self& self) {
  std::string line = "rank " + std::to_string(self.rank) + ":";
  for (const std::string& name : self.arguments) {
    line += " " + name + "=" + process_environment(name).value_or("(unset)");
  }
  std::puts(line.c_str());
  return 0;
}

// What each open file but the standard streams is, without its number.
int print_files(const Self& self) {
  std::string line = "rank " + std::to_string(self.rank) + ":";
  DIR* directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (fd <= STDERR_FILENO || fd == dirfd(directory)) continue;
    char target[256] = "";
    if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) < 0) continue;
    line += " " + std::string(target).substr(0, std::string(target).find(':'));
  }
  closedir(directory);
  std::puts(line.c_str());
  return 0;
}

int run(const std::string& mode, const Arguments& arguments) {
  static const std::map<std::string, int (*)(const Self&)> modes = {
      {"ok", succeed},
      {"fail", fail},
      {"fail_until", fail_until},
      {"crash", crash},
      {"throw", throw_exception},
      {"fail_at_once", fail_at_once},
      {"ignore_termination", ignore_termination},
      {"wait_as_root", wait_as_root},
      {"print_signal", print_signal},
      {"spawn", spawn},
      {"print_lines", print_lines},
      {"print_input", print_input},
      {"print_environment", print_environment},
      {"print_files", print_files},
  };
  const WorkerEnvironment worker = **read_worker_environment();
  return modes.at(mode)({worker.rank, arguments});
}

int launch(const Arguments& arguments) {
  LaunchRequest request = *parse_launch_flags(arguments);
  Arguments& rest = request.program.arguments;
  std::optional<std::chrono::milliseconds> grace_period;
  if (rest.at(0).starts_with("grace_ms=")) {
    grace_period = std::chrono::milliseconds(std::stoi(rest[0].substr(9)));
    rest.erase(rest.begin());
  }
  LaunchPlan plan = *make_launch_plan(request, ProgramOrigin::kHere, {.num_cores = 8});
  plan.restart_pause = std::chrono::milliseconds(0);
  plan.grace_period = grace_period.value_or(plan.grace_period);
  const std::string mode = rest.at(0);
  rest.erase(rest.begin());
  // With a way back for the worker.
  constexpr uid_t kNobody = 65534;
  if (mode == "wait_as_root" && setresuid(kNobody, kNobody, 0) != 0) return 77;
  return supervise(plan, [&] { return run(mode, rest); });
}

}  // namespace
}  // namespace accelerate::launcher

int main(int argc, char** argv) {
  // Must not appear once for each worker.
  std::printf("launched\n");
  return accelerate::launcher::launch({argv + 1, argv + argc});
}
