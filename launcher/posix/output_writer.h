// Writes to a stream that this process shares with others, without waiting for its reader.
//
// Example:
//   OutputWriter writer(STDOUT_FILENO);
//   writer.write("hello\n");  // As much as the stream takes; the rest is kept.
//   // Whenever writer.fd() is writable while writer.has_rest():
//   writer.flush();
//
// Not for a process that may wait.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// Not thread-safe.
class OutputWriter {
 public:
  // Do not give a writer more than this while nobody reads.
  static constexpr std::size_t kMostKept = 256 * 1024;

  // `fd` must stay open. Its flags are not changed, because the shell and other processes share
  // them.
  explicit OutputWriter(int fd);

  // Writes what the stream takes now, after what was kept before, and keeps the rest. If writing
  // fails, the text is lost, and error() says why.
  void write(std::string_view text);
  void flush() { write(""); }

  bool has_rest() const { return !rest_.empty(); }
  bool is_full() const { return rest_.size() >= kMostKept; }

  // What to poll for writability.
  int fd() const { return own_.is_open() ? own_.get() : fd_; }

  // Drops the rest. Returns its size in bytes.
  std::size_t drop();

  // errno of the last write that failed; 0 if none has. EPIPE is kept for good: the reader has
  // gone.
  int error() const { return error_; }

  // For a forked process that must not hold it.
  void close() { own_.reset(); }

 private:
  enum class Kind { kOther, kOwn, kSocket, kShared };

  std::size_t write_some(std::string_view text);

  int fd_;
  FileDescriptor own_;  // The same stream opened again, non-blocking, if possible.
  Kind kind_ = Kind::kOther;
  std::string rest_;
  int error_ = 0;
};

// Writes this process's own lines to standard error, and drops what has not been read within a
// second.
void print_to_errors(std::string_view lines);

}  // namespace accelerate::launcher
