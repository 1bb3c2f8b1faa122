#include "launcher/posix/line_output.h"

#include <cstdio>

namespace accelerate::launcher {

void print_line_by_line() {
  // From glibc 2.41 on a stream that was written to keeps its mode unless it is given a buffer.
  static char buffer[BUFSIZ];
  std::setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
}

}  // namespace accelerate::launcher
