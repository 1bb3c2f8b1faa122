#include "testing/subprocess/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

// Nearly as long as Bazel gives the test, which ends it without a word.
std::chrono::seconds patience() {
  const char* limit = std::getenv("TEST_TIMEOUT");
  return limit == nullptr ? std::chrono::minutes(4)
                          : std::chrono::seconds(std::atoi(limit) * 9 / 10);
}

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }

  FileDescriptor read_end;
  FileDescriptor write_end;
};

[[noreturn]] void execute(const SubprocessOptions& options, const std::string& marker) {
  close_range(STDERR_FILENO + 1, ~0u, 0);
  if (options.leads_group) setpgid(0, 0);
  for (const int signal : options.ignored_signals) ::signal(signal, SIG_IGN);
  putenv(const_cast<char*>(marker.c_str()));
  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void read_into(std::string& text, FileDescriptor& pipe) {
  std::array<char, 4096> buffer;
  const ssize_t size = read(pipe.get(), buffer.data(), buffer.size());
  if (size > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  } else {
    pipe.reset();
  }
}

}  // namespace

Subprocess::Subprocess(const SubprocessOptions& options) {
  static int number = 0;
  marker_ = "SUBPROCESS_MARKER=" + std::to_string(getpid()) + "." + std::to_string(++number) + ".";
  if (options.on_terminal) {
    int terminal = -1;
    pid_ = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid_ == 0) execute(options, marker_);
    output_pipe_ = FileDescriptor(terminal);
    input_ = FileDescriptor(dup(terminal));
    return;
  }
  Pipe input;
  Pipe output;
  Pipe errors;
  pid_ = fork();
  if (pid_ == 0) {
    dup2(input.read_end.get(), STDIN_FILENO);
    dup2(output.write_end.get(), STDOUT_FILENO);
    dup2(errors.write_end.get(), STDERR_FILENO);
    execute(options, marker_);
  }
  input_ = std::move(input.write_end);
  output_pipe_ = std::move(output.read_end);
  error_pipe_ = std::move(errors.read_end);
}

Subprocess::~Subprocess() {
  for (const pid_t pid : descendants()) kill(pid, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Subprocess::send_signal(int signal) const { kill(pid_, signal); }

void Subprocess::write_input(const std::string& text) const {
  if (write(input_.get(), text.data(), text.size()) < 0) std::abort();
}

void Subprocess::wait_for_output(const std::string& text) {
  read_until([&] { return output_.find(text) != std::string::npos; });
}

void Subprocess::wait_for_errors(const std::string& text) {
  read_until([&] { return errors_.find(text) != std::string::npos; });
}

int Subprocess::wait() {
  read_until([&] { return !output_pipe_.is_open() && !error_pipe_.is_open(); });
  siginfo_t info = {};
  // Left a zombie for the destructor: until then no other process gets its number.
  waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::vector<pid_t> Subprocess::descendants() const {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid == 0) continue;
    std::ifstream file(entry.path() / "environ");
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    if (environment.find(marker_) != std::string::npos) pids.push_back(pid);
  }
  return pids;
}

bool Subprocess::vanishes() const {
  return eventually([&] { return descendants().empty(); });
}

void Subprocess::read_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline ||
        (!output_pipe_.is_open() && !error_pipe_.is_open())) {
      std::cerr << "waited in vain; the output was:\n" << output_ << "\nthe errors:\n" << errors_;
      for (const pid_t pid : descendants()) kill(pid, SIGKILL);
      std::abort();
    }
    read_available();
  }
}

void Subprocess::read_available() {
  std::array<pollfd, 2> polled = {pollfd{output_pipe_.get(), POLLIN, 0},
                                  pollfd{error_pipe_.get(), POLLIN, 0}};
  poll(polled.data(), polled.size(), /*timeout=*/1000);
  if (polled[0].revents != 0) read_into(output_, output_pipe_);
  if (polled[1].revents != 0) read_into(errors_, error_pipe_);
}

ProgramEnd run_to_end(const SubprocessOptions& options) {
  Subprocess program(options);
  const int code = program.wait();
  EXPECT_TRUE(program.vanishes());
  return {code, program.output(), program.errors()};
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace accelerate::launcher
