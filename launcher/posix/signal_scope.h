// Receives the signals for a supervisor through a file descriptor, during its lifetime.
//
// Example:
//   SignalScope signals;
//   if (!signals.is_open()) return errno;
//   // Whenever signals.fd() is readable:
//   while (std::optional<int> signal = signals.take()) handle(*signal);
//
// Not for processes with several threads: existing threads keep receiving the signals.
#pragma once

#include <signal.h>

#include <initializer_list>
#include <optional>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// Takes SIGCHLD and `always`, and SIGINT, SIGTERM, SIGHUP, SIGUSR1 and `more` unless they are
// ignored (under nohup, or in the background of a script), which does not change. A write without a
// reader, or beyond the limit of a file's size (ulimit -f), fails instead of killing.
class SignalScope {
 public:
  explicit SignalScope(std::initializer_list<int> more = {},
                       std::initializer_list<int> always = {});
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;
  // A signal that nobody has taken reaches this process now, if it asks to end it. The others, a
  // warning for example, are forgotten.
  ~SignalScope();

  bool is_open() const { return fd_.is_open(); }
  int fd() const { return fd_.get(); }

  // The next signal that has arrived, if any. Does not wait.
  std::optional<int> take();

  // Stops this process as the received SIGTSTP would have done, and returns when it continues: at
  // once if no shell could continue it later.
  void suspend();

  // Restores the mask and dispositions from before the constructor, and closes the descriptor. For
  // a forked process, which must receive signals as if there were no supervisor.
  void restore();

 private:
  FileDescriptor fd_;
  sigset_t old_mask_ = {};
  struct sigaction old_child_action_ = {};
  struct sigaction old_pipe_action_ = {};
  struct sigaction old_file_size_action_ = {};
};

}  // namespace accelerate::launcher
