// A process that kills process groups, and what their members have started elsewhere, when the
// process that started it dies for any reason.
//
// Example:
//   absl::StatusOr<Watchdog> watchdog = Watchdog::start(adoption.mark());
//   if (fork() == 0) {
//     setsid();
//     watchdog->hand_over(getpid());
//     work();
//   }
//
// A worker can ask the kernel to die with its parent. What the worker itself starts cannot, so only
// a process that survives the supervisor can end it.
//
// Not for an orderly end: dismiss() it then, and nothing is killed.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// Not thread-safe.
class Watchdog {
 public:
  // Forks the watchdog; the process must have one thread. It holds no open file except one end of a
  // pipe, and has its own session, out of reach of the terminal. What was executed with `mark`
  // (adoption.h) is killed with the groups. Fails if the system has no room for another process or
  // pipe.
  static absl::StatusOr<Watchdog> start(const std::pair<std::string, std::string>& mark);

  Watchdog(Watchdog&& other) noexcept
      : lifeline_(std::move(other.lifeline_)), pid_(std::exchange(other.pid_, 0)) {}
  Watchdog& operator=(Watchdog&&) = delete;
  ~Watchdog() { dismiss(); }

  pid_t pid() const { return pid_; }

  // For a process forked from the watchdog's starter, as soon as it leads process group `group`:
  // from now on the group is killed with SIGKILL when the starter dies, and this process has
  // nothing to do with the watchdog any more. The group must not end before the watchdog is
  // dismissed: a leader that nobody has waited for keeps the group alive.
  void hand_over(pid_t group);

  // Ends the watchdog, which then kills nobody. Does nothing if that was done.
  void dismiss();

 private:
  Watchdog(FileDescriptor lifeline, pid_t pid) : lifeline_(std::move(lifeline)), pid_(pid) {}

  // No other process may hold it for long: the watchdog waits until it is closed.
  FileDescriptor lifeline_;
  pid_t pid_;  // 0 if there is none to dismiss.
};

}  // namespace accelerate::launcher
