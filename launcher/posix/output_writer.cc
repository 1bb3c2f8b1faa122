#include "launcher/posix/output_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

// Note [Writing without waiting]
//
// O_NONBLOCK belongs to the open file, which the shell and the processes before and behind in a
// pipeline share: set here, it would make their reads and writes fail. So this process opens the
// pipe or terminal once more, through /proc, and has a file of its own with a flag of its own. A
// socket cannot be opened, but has a flag for each write instead; files and the like never wait for
// a reader. Where opening fails (somebody else's terminal after su, no /proc), the stream is polled
// before each small write: a pipe that can be written takes PIPE_BUF bytes at once, unless somebody
// else was faster. A thread for writing would not do, as this process forks again for a restart.

namespace accelerate::launcher {

OutputWriter::OutputWriter(int fd) : fd_(fd) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) return;
  if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (S_ISFIFO(status.st_mode) || isatty(fd) != 0) {
    own_ = FileDescriptor(open(absl::StrCat("/proc/self/fd/", fd).c_str(),
                               O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    kind_ = own_.is_open() ? Kind::kOwn : Kind::kShared;
  }
}

void OutputWriter::write(std::string_view text) {
  if (rest_.empty()) {
    text.remove_prefix(write_some(text));
    rest_ = text;
    return;
  }
  rest_ += text;
  rest_.erase(0, write_some(rest_));
}

std::size_t OutputWriter::drop() { return std::exchange(rest_, "").size(); }

// Returns how much of it needs no more writing.
std::size_t OutputWriter::write_some(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size() && error_ != EPIPE) {
    std::string_view part = text.substr(done);
    if (kind_ == Kind::kShared) {
      pollfd writable = {.fd = fd_, .events = POLLOUT, .revents = 0};
      if (poll(&writable, 1, /*timeout=*/0) <= 0) return done;
      part = part.substr(0, PIPE_BUF);
    }
    const ssize_t size = kind_ == Kind::kSocket
                             ? send(fd_, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                             : ::write(fd(), part.data(), part.size());
    if (size >= 0) {
      done += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN) {
      return done;
    } else if (errno != EINTR) {
      error_ = errno;
      return text.size();
    }
  }
  return text.size();
}

void print_to_errors(std::string_view lines) {
  constexpr int kPatienceMilliseconds = 1000;
  OutputWriter writer(STDERR_FILENO);
  writer.write(lines);
  if (!writer.has_rest()) return;
  pollfd writable = {.fd = writer.fd(), .events = POLLOUT, .revents = 0};
  poll(&writable, 1, kPatienceMilliseconds);
  writer.flush();
}

}  // namespace accelerate::launcher
