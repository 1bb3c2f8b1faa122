#include "launcher/posix/whole_write.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace accelerate::launcher {
namespace {

// Keeps this thread from being killed by a write that fails.
class SignalsOfWrites {
 public:
  SignalsOfWrites() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGPIPE);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &old_mask_);
    sigset_t pending;
    sigpending(&pending);
    // These are not ours.
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending, signal) == 1) sigdelset(&signals_, signal);
    }
  }
  SignalsOfWrites(const SignalsOfWrites&) = delete;
  SignalsOfWrites& operator=(const SignalsOfWrites&) = delete;
  ~SignalsOfWrites() { pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr); }

  // Takes back the signal of a write that has failed.
  void forget() {
    constexpr timespec kNoWait = {};
    while (sigtimedwait(&signals_, nullptr, &kNoWait) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t signals_;
  sigset_t old_mask_;
};

}  // namespace

WholeWrite write_whole(int fd, std::string_view text) {
  SignalsOfWrites signals;
  WholeWrite end;
  while (end.size < text.size()) {
    const ssize_t size = ::write(fd, text.data() + end.size, text.size() - end.size);
    if (size >= 0) {
      end.size += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN) {
      // Somebody who shares the stream does not want to wait; this text is to get there.
      pollfd writable = {.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, /*timeout=*/-1);
    } else if (errno != EINTR) {
      end.error = errno;
      signals.forget();
      return end;
    }
  }
  return end;
}

}  // namespace accelerate::launcher
