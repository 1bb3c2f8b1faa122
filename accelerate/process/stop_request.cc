#include "accelerate/process/stop_request.h"

#include <signal.h>

namespace accelerate {
namespace {

volatile sig_atomic_t is_requested = 0;

void note_request(int) { is_requested = 1; }

}  // namespace

void take_stop_requests(int signal) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) return;
  action = {};
  action.sa_handler = note_request;
  // A file that is being read is to be read on.
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

bool stop_is_requested() { return is_requested != 0; }

}  // namespace accelerate
