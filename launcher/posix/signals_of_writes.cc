#include "launcher/posix/signals_of_writes.h"

#include <pthread.h>
#include <time.h>

#include <cerrno>
#include <initializer_list>

namespace accelerate::launcher {

SignalsOfWrites::SignalsOfWrites() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGPIPE);
  sigaddset(&signals_, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &signals_, &old_mask_);
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    if (sigismember(&pending, signal) == 1) sigdelset(&signals_, signal);
  }
}

SignalsOfWrites::~SignalsOfWrites() {
  constexpr timespec kNoWait = {};
  const int error = errno;
  int taken = 0;
  do {
    taken = sigtimedwait(&signals_, nullptr, &kNoWait);
  } while (taken > 0 || errno == EINTR);
  pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  errno = error;
}

}  // namespace accelerate::launcher
