#include "launcher/supervisor/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "launcher/posix/close_files.h"
#include "launcher/posix/system_error.h"
#include "launcher/supervisor/adoption.h"

namespace accelerate::launcher {
namespace {

[[noreturn]] void watch(int lifeline, const std::pair<std::string, std::string>& mark) {
  setsid();
  // An inherited end of somebody's pipe would keep its reader waiting for as long as this lives.
  dup2(lifeline, STDIN_FILENO);
  close_files_from(STDIN_FILENO + 1);
  std::vector<pid_t> groups;
  pid_t group = 0;
  ssize_t size = 0;
  while ((size = read(STDIN_FILENO, &group, sizeof(group))) != 0) {
    if (size == sizeof(group)) groups.push_back(group);
  }
  for (const pid_t guarded : groups) kill(-guarded, SIGKILL);
  // For whoever has left his group, and whose parents are dead by now.
  if (!groups.empty()) kill_marked(mark);
  _exit(0);
}

}  // namespace

absl::StatusOr<Watchdog> Watchdog::start(const std::pair<std::string, std::string>& mark) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2");
  const FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) watch(read_end.get(), mark);
  return Watchdog(std::move(write_end), pid);
}

void Watchdog::dismiss() {
  const pid_t pid = std::exchange(pid_, 0);
  if (pid == 0) return;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

// The group tells the watchdog of itself: told by the starter, it would be missed where that is
// killed between the fork and the telling.
void Watchdog::hand_over(pid_t group) {
  // Fails only where the watchdog has been killed, and then nothing is lost but a safety net.
  [[maybe_unused]] const ssize_t size = write(lifeline_.get(), &group, sizeof(group));
  lifeline_.reset();
  pid_ = 0;
}

}  // namespace accelerate::launcher
