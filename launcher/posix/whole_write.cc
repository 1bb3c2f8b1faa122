#include "launcher/posix/whole_write.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/posix/signals_of_writes.h"

namespace accelerate::launcher {

WholeWrite write_whole(int fd, std::string_view text) {
  const SignalsOfWrites guard;
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
      return end;
    }
  }
  return end;
}

}  // namespace accelerate::launcher
