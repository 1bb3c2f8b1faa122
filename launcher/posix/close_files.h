// Closes descriptors that a forked process has inherited and must not hold.
//
// Example:
//   close_files_from(STDERR_FILENO + 1);  // But the standard streams.
//
// Not if other threads of the process use files.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace accelerate::launcher {

// Closes the descriptors from `first` on.
inline void close_files_from(int first) {
  if (close_range(static_cast<unsigned>(first), ~0u, 0) == 0) return;
  // Kernels before 5.9. The limit of descriptors may be a thousand million there, in containers.
  std::vector<int> open;
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    open.push_back(std::atoi(entries->path().filename().c_str()));
  }
  for (const int fd : open) {
    if (fd >= first) close(fd);
  }
}

}  // namespace accelerate::launcher
