// Passes on what several processes write to their standard error, and remembers how each one ended.
//
// Example:
//   StderrRelay relay(STDERR_FILENO);
//   relay.add(std::move(read_end_of_rank_0));
//   // Whenever one of relay.fds() is readable or relay.wait() has passed:
//   relay.forward();
//
// Lines of different processes do not mix: a whole line goes out at once, and what has no newline
// yet, such as a prompt or a progress bar, after a moment.
//
// Not for standard output, which the processes write themselves.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/supervisor/file_descriptor.h"
#include "launcher/supervisor/output_tail.h"

namespace accelerate::launcher {

// Not thread-safe.
class StderrRelay {
 public:
  // Writes to `output`, which must stay open; where that fails, for want of a reader, the text is
  // lost and the relay goes on.
  explicit StderrRelay(int output) : output_(output) {}

  // Relays from `pipe`, the non-blocking read end of the next rank, from 0.
  void add(FileDescriptor pipe);

  // The pipes that may still bring something.
  std::vector<int> fds() const;

  // How long an open line may still wait for its end; nothing where there is none.
  std::optional<std::chrono::milliseconds> wait() const;

  // Passes on what has arrived. Does not wait for more.
  void forward();

  // Passes on all that rank `rank` has written so far, an open line too. For a process that has
  // ended.
  void finish(int rank);

  // Writes whole lines of the caller's own in between.
  void print(std::string_view lines);

  // The end of what `rank` wrote.
  std::string tail(int rank) const { return sources_[rank].tail.text(); }

  // Closes all pipes, in a forked process that is not to hold them.
  void close() { sources_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Source {
    FileDescriptor pipe;
    OutputTail tail;
    std::string open_line;
    Clock::time_point open_since;
  };

  bool read_once(int rank);
  void write_open_line(int rank);
  void write(int writer, std::string_view text);

  int output_;
  std::vector<Source> sources_;
  std::optional<int>
      mid_line_writer_;  // Whose text the output ends with, where no newline ended it.
};

}  // namespace accelerate::launcher
