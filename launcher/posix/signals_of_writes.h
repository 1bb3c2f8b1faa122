// Keeps a thread from being killed by a write that fails.
//
// Example:
//   const SignalsOfWrites guard;
//   if (write(STDOUT_FILENO, "text", 4) < 0) return errno;
//
// Not for a process that ignores these signals anyhow.
#pragma once

#include <signal.h>

namespace accelerate::launcher {

// During its lifetime, a write of this thread without a reader, or beyond the limit of a file's
// size (ulimit -f), fails without a signal. Other threads see nothing of it, except those that this
// thread starts meanwhile, which keep the mask. Leaves errno as it is.
class SignalsOfWrites {
 public:
  SignalsOfWrites();
  SignalsOfWrites(const SignalsOfWrites&) = delete;
  SignalsOfWrites& operator=(const SignalsOfWrites&) = delete;
  ~SignalsOfWrites();

 private:
  // Those that a failed write of ours sends; not one that was pending before.
  sigset_t signals_;
  sigset_t old_mask_;
};

}  // namespace accelerate::launcher
