#include "launcher/posix/signal_scope.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <vector>

namespace accelerate::launcher {
namespace {

bool is_ignored(int signal) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

void set_disposition(int signal, sighandler_t handler, struct sigaction* old_action) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, old_action);
}

}  // namespace

SignalScope::SignalScope(std::initializer_list<int> more, std::initializer_list<int> always) {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  for (const std::initializer_list<int> signals : {{SIGINT, SIGTERM, SIGHUP, SIGUSR1}, more}) {
    for (const int signal : signals) {
      if (!is_ignored(signal)) sigaddset(&taken, signal);
    }
  }
  // A blocked signal arrives even where it is ignored.
  for (const int signal : always) sigaddset(&taken, signal);
  // Where SIGCHLD is ignored, as some parents leave it, ended children vanish with their exit
  // codes.
  set_disposition(SIGCHLD, SIG_DFL, &old_child_action_);
  set_disposition(SIGPIPE, SIG_IGN, &old_pipe_action_);
  set_disposition(SIGXFSZ, SIG_IGN, &old_file_size_action_);
  sigprocmask(SIG_BLOCK, &taken, &old_mask_);
  fd_ = FileDescriptor(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalScope::~SignalScope() {
  std::vector<int> endings;
  while (const std::optional<int> signal = take()) {
    if (*signal == SIGINT || *signal == SIGTERM || *signal == SIGHUP) endings.push_back(*signal);
  }
  for (const int signal : endings) raise(signal);
  restore();
}

std::optional<int> SignalScope::take() {
  signalfd_siginfo info = {};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

// The kernel knows whether a process that stops could ever go on: it takes no notice of the signal
// where the terminal's session has nobody else left.
void SignalScope::suspend() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  struct sigaction old_action = {};
  set_disposition(SIGTSTP, SIG_DFL, &old_action);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  sigaction(SIGTSTP, &old_action, nullptr);
}

void SignalScope::restore() {
  fd_.reset();
  sigaction(SIGCHLD, &old_child_action_, nullptr);
  sigaction(SIGPIPE, &old_pipe_action_, nullptr);
  sigaction(SIGXFSZ, &old_file_size_action_, nullptr);
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

}  // namespace accelerate::launcher
