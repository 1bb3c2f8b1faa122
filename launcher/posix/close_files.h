// Closes what a forked process has inherited and is not to hold.
//
// Example:
//   close_files_from(STDERR_FILENO + 1);  // But the standard streams.
//
// Not where others of the process's threads use files.
#pragma once

#include <unistd.h>

namespace accelerate::launcher {

// Those with this number and higher ones.
inline void close_files_from(int first) {
  if (close_range(static_cast<unsigned>(first), ~0u, 0) == 0) return;
  const long limit = sysconf(_SC_OPEN_MAX);  // Kernels before 5.9.
  for (int fd = first; fd < limit; ++fd) close(fd);
}

}  // namespace accelerate::launcher
