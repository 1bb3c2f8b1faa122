// Keeps a thread from being killed by a write that fails.
//
// Example:
//   SignalsOfWrites signals;
//   if (write(fd, data, size) < 0) {
//     signals.forget();
//     return errno;
//   }
//
// Not for a process that ignores these signals anyhow.
#pragma once

#include <signal.h>

namespace accelerate::launcher {

// During its lifetime, a write of this thread without a reader, or beyond the limit of a file's
// size (ulimit -f), fails without a signal. Other threads see nothing of it.
class SignalsOfWrites {
 public:
  SignalsOfWrites();
  SignalsOfWrites(const SignalsOfWrites&) = delete;
  SignalsOfWrites& operator=(const SignalsOfWrites&) = delete;
  ~SignalsOfWrites();

  // Takes back the signal of a write that has failed. Leaves errno as it is.
  void forget();

 private:
  sigset_t signals_;
  sigset_t old_mask_;
};

}  // namespace accelerate::launcher
