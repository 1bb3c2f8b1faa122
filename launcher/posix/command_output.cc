#include "launcher/posix/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/signal_scope.h"

namespace accelerate::launcher {
namespace {

using Clock = std::chrono::steady_clock;

// A program with all that it has started in its process group, which is killed when this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // While the program itself is not awaited, its number is no other group's.
  ~Child() {
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // How it ended, if it has.
  std::optional<siginfo_t> end() const {
    siginfo_t information = {};
    const auto id = static_cast<id_t>(pid_);
    if (waitid(P_PID, id, &information, WEXITED | WNOHANG | WNOWAIT) != 0) return std::nullopt;
    if (information.si_pid == 0) return std::nullopt;
    return information;
  }

 private:
  pid_t pid_;
};

// A process that does where SIGKILL ends this one what this one can then no longer do: it ends the
// program, with its group, and makes good what that leaves behind.
class Guard {
 public:
  Guard(pid_t program, const std::function<void()>& make_good) {
    const pid_t guarded = getpid();
    pid_ = fork();
    if (pid_ != 0) return;
    // Tells of the end of a process that is another one's child.
    pollfd its_end = {static_cast<int>(syscall(SYS_pidfd_open, program, 0)), POLLIN, 0};
    setpgid(0, 0);  // Out of the terminal's reach.
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int signal = 0;
    if (getppid() == guarded) sigwait(&end, &signal);
    kill(-program, SIGKILL);
    poll(&its_end, 1, kMostMilliseconds);
    if (make_good) make_good();
    _exit(0);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

 private:
  // In which a program ends that was killed.
  static constexpr int kMostMilliseconds = 1000;

  pid_t pid_ = -1;  // Negative where the system has no room for it.
};

class ReadEnd {
 public:
  explicit ReadEnd(int fd) : fd_(fd) {}
  ReadEnd(const ReadEnd&) = delete;
  ReadEnd& operator=(const ReadEnd&) = delete;
  ~ReadEnd() { close(fd_); }

  int fd() const { return fd_; }

  // Appends what is there. False at the end.
  bool read_some(std::string& text) const {
    std::array<char, 4096> buffer;
    const ssize_t size = read(fd_, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) return true;
    if (size <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
  }

 private:
  int fd_;
};

// Starts `command` in a process group of its own, with `output` as its standard output, nothing
// else to read or write, and `mask` as its blocked signals. Returns an error number.
int start(const std::vector<std::string>& command, int output, const sigset_t& mask, pid_t& pid) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &mask);
  sigset_t usual;  // What a SignalScope ignores.
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  const int error = posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// A signal that would end this process, and would leave the child's group behind.
std::optional<int> take_ending(SignalScope& signals) {
  while (const std::optional<int> signal = signals.take()) {
    if (*signal == SIGINT || *signal == SIGTERM || *signal == SIGHUP || *signal == SIGQUIT)
      return signal;
  }
  return std::nullopt;
}

// What the child prints until it has ended, or `signal`, which came before.
absl::StatusOr<std::string> follow(const std::string& name, pid_t pid, const ReadEnd& output,
                                   const CommandOutputOptions& options, SignalScope& signals,
                                   std::optional<int>& signal) {
  const Clock::time_point deadline = Clock::now() + options.time_limit;
  const Child child(pid);
  std::string text;
  std::optional<siginfo_t> end;
  for (bool is_open = true; is_open || !end.has_value();) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      return absl::DeadlineExceededError(
          absl::StrCat(name, " took more than ", options.time_limit.count(), " ms"));
    }
    // A signal's descriptor tells of the child's end as well.
    std::array<pollfd, 2> polled = {pollfd{signals.fd(), POLLIN, 0},
                                    pollfd{is_open ? output.fd() : -1, POLLIN, 0}};
    poll(polled.data(), polled.size(), static_cast<int>(std::min<decltype(left)>(left, 100)));
    signal = take_ending(signals);
    if (signal.has_value()) return absl::CancelledError(absl::StrCat("signal ", *signal));
    if (polled[1].revents != 0) is_open = output.read_some(text);
    if (text.size() > options.size_limit) {
      return absl::InternalError(
          absl::StrCat(name, " printed more than ", options.size_limit, " bytes"));
    }
    if (!is_open) end = child.end();
  }
  if (end->si_code != CLD_EXITED) {
    return absl::InternalError(absl::StrCat(name, " was ended by signal ", end->si_status));
  }
  if (end->si_status != 0 && !options.accepts_failure) {
    return absl::InternalError(absl::StrCat(name, " failed with ", end->si_status));
  }
  return text;
}

// As command_output(), but that `signal` has ended it without ending this process.
absl::StatusOr<std::string> run(const std::vector<std::string>& command,
                                const CommandOutputOptions& options, std::optional<int>& signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  SignalScope signals({SIGQUIT});
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe2: ", std::strerror(errno)));
  }
  const ReadEnd read_end(ends[0]);
  pid_t pid = -1;
  const int error = start(command, ends[1], mask, pid);
  close(ends[1]);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat(command[0], " cannot be started: ", std::strerror(error)));
  }
  const Guard guard(pid, options.on_failure);
  absl::StatusOr<std::string> text = follow(command[0], pid, read_end, options, signals, signal);
  if (!text.ok() && options.on_failure) options.on_failure();
  return text;
}

}  // namespace

absl::StatusOr<std::string> command_output(const std::vector<std::string>& command,
                                           const CommandOutputOptions& options) {
  std::optional<int> signal;
  absl::StatusOr<std::string> text = run(command, options, signal);
  if (signal.has_value()) raise(*signal);
  return text;
}

}  // namespace accelerate::launcher
