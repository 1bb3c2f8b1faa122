// Closes descriptors that a forked process has inherited and must not hold.
//
// Example:
//   close_files_from(STDERR_FILENO + 1);  // But the standard streams.
//
// Not if other threads of the process use files.
#pragma once

#include <unistd.h>

namespace accelerate::launcher {

// Closes the descriptors from `first` on.
inline void close_files_from(int first) {
  if (close_range(static_cast<unsigned>(first), ~0u, 0) == 0) return;
  const long limit = sysconf(_SC_OPEN_MAX);  // Kernels before 5.9.
  for (int fd = first; fd < limit; ++fd) close(fd);
}

}  // namespace accelerate::launcher
