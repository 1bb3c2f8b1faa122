// Standard streams that the caller has closed.
//
// Example:
//   open_standard_streams();  // In main(), before anything is opened.
//
// Not after files were opened: one of them may have taken a stream's number by then.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace accelerate::launcher {

// Opens those at /dev/null. Otherwise the next file or pipe would get the number of one, and what
// is printed would be written into it.
inline void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
  }
}

}  // namespace accelerate::launcher
