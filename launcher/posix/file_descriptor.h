// A file descriptor with an owner, closed when the owner is destroyed.
//
// Example:
//   FileDescriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
//   if (!null.is_open()) return errno;
//
// Not for descriptors that a child keeps across a fork: get() them there, and let the child exit
// without unwinding.
#pragma once

#include <unistd.h>

#include <utility>

namespace accelerate::launcher {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}  // A negative number owns nothing.
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { reset(); }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // For callers that close it themselves.
  int release() { return std::exchange(fd_, -1); }

  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace accelerate::launcher
