#include "launcher/cli/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

using Clock = std::chrono::steady_clock;

// A program that is killed and awaited when this goes, unless it has ended.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // The status of waitpid() if it ends before `deadline`, or -1.
  int wait_until(Clock::time_point deadline) {
    while (true) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return status;
      }
      if (Clock::now() >= deadline) return -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  pid_t pid_;
};

class ReadEnd {
 public:
  explicit ReadEnd(int fd) : fd_(fd) {}
  ReadEnd(const ReadEnd&) = delete;
  ReadEnd& operator=(const ReadEnd&) = delete;
  ~ReadEnd() { close(fd_); }

  // Reads to the end. False where `deadline` or `size_limit` came first.
  bool read_all(Clock::time_point deadline, std::size_t size_limit, std::string& text) const {
    std::array<char, 4096> buffer;
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0 || text.size() > size_limit) return false;
      pollfd polled = {fd_, POLLIN, 0};
      if (poll(&polled, 1, static_cast<int>(std::min<decltype(left)>(left, 1000))) <= 0) continue;
      const ssize_t size = read(fd_, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return true;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  int fd_;
};

// Starts `command` with `output` as its standard output and nothing else to read or write. Returns
// an error number.
int start(const std::vector<std::string>& command, int output, pid_t& pid) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int error = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

absl::StatusOr<std::string> command_output(const std::vector<std::string>& command,
                                           const CommandOutputOptions& options) {
  const Clock::time_point deadline = Clock::now() + options.time_limit;
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe2: ", std::strerror(errno)));
  }
  const ReadEnd read_end(ends[0]);
  pid_t pid = -1;
  const int error = start(command, ends[1], pid);
  close(ends[1]);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat(command[0], " cannot be started: ", std::strerror(error)));
  }
  Child child(pid);
  std::string text;
  const bool complete = read_end.read_all(deadline, options.size_limit, text);
  if (text.size() > options.size_limit) {
    return absl::InternalError(
        absl::StrCat(command[0], " printed more than ", options.size_limit, " bytes"));
  }
  const int status = complete ? child.wait_until(deadline) : -1;
  if (status < 0) {
    return absl::DeadlineExceededError(
        absl::StrCat(command[0], " took more than ", options.time_limit.count(), " ms"));
  }
  if (!WIFEXITED(status)) {
    return absl::InternalError(absl::StrCat(command[0], " was ended by signal ", WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat(command[0], " failed with ", WEXITSTATUS(status)));
  }
  return text;
}

}  // namespace accelerate::launcher
