#include "accelerate/process/stop_request.h"

#include <signal.h>
#include <unistd.h>

#include <initializer_list>

#include "launcher/posix/tidying_handler.h"

namespace accelerate {
namespace {

volatile sig_atomic_t is_requested = 0;

void note_request(int) { is_requested = 1; }

void end_process(int signal) { _exit(128 + signal); }

sighandler_t handler_of(int signal) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

}  // namespace

void take_stop_requests(int signal) {
  const sighandler_t handler = handler_of(signal);
  if (handler != SIG_DFL && handler != SIG_IGN && handler != end_process &&
      handler != launcher::tidying_handler()) {
    return;
  }
  struct sigaction action = {};
  action.sa_handler = note_request;
  // A file that is being read is to be read on.
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

bool stop_is_requested() { return is_requested != 0; }

void let_signals_end_first_process() {
  if (getpid() != 1) return;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    action.sa_handler = end_process;
    if (handler_of(signal) == SIG_DFL) sigaction(signal, &action, nullptr);
  }
}

}  // namespace accelerate
