// Writes to a stream that this process shares with others, and never waits for its reader.
//
// Example:
//   OutputWriter writer(STDOUT_FILENO);
//   writer.write("hello\n");  // As much as the stream takes; the rest is kept.
//   // Whenever writer.fd() is writable while writer.has_rest():
//   writer.flush();
//
// Not for a process that has nothing else to do: that may as well wait.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// Not thread-safe.
class OutputWriter {
 public:
  // More than this should not be given to a writer whose rest nobody takes.
  static constexpr std::size_t kMostKept = 256 * 1024;

  // `fd` must stay open. Its flags stay as they are: they are also those of the shell, and of
  // whoever else has the stream.
  explicit OutputWriter(int fd);

  // Writes what the stream takes now, after what was kept before, and keeps the rest. Where writing
  // fails, what was to be written is lost, and error() tells why.
  void write(std::string_view text);
  void flush() { write(""); }

  bool has_rest() const { return !rest_.empty(); }
  bool is_full() const { return rest_.size() >= kMostKept; }

  // What to poll for writability.
  int fd() const { return own_.is_open() ? own_.get() : fd_; }

  // Forgets the rest. Returns how many bytes it had.
  std::size_t drop();

  // Of the last write that failed; 0 where none has. EPIPE stays: its reader has gone.
  int error() const { return error_; }

  // In a forked process that is not to hold it.
  void close() { own_.reset(); }

 private:
  enum class Kind { kOther, kOwn, kSocket, kShared };

  std::size_t write_some(std::string_view text);

  int fd_;
  FileDescriptor own_;  // The same stream once more, non-blocking, where it can be had.
  Kind kind_ = Kind::kOther;
  std::string rest_;
  int error_ = 0;
};

// Writes lines of this process's own to standard error, or loses what nobody takes within a second.
void print_to_errors(std::string_view lines);

}  // namespace accelerate::launcher
