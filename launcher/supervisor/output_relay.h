// Passes on what several processes write to one of their standard streams, keeps it in a file for
// each where that is asked for, and remembers how each one ended.
//
// Example:
//   OutputRelay relay(STDERR_FILENO);
//   relay.add({.pipe = std::move(read_end_of_rank_0), .prefix = "[default0]:"});
//   // Whenever one of relay.fds() is readable or relay.wait() has passed:
//   relay.forward();
//
// Lines of different processes do not mix: a whole line goes out at once, and what has no newline
// yet, such as a prompt or a progress bar, after a moment.
//
// Not where the processes can write themselves: one that finds a pipe in place of its terminal may
// write later, and without colours.
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

struct RelaySource {
  FileDescriptor pipe = {};   // Non-blocking. Nothing comes from one that is not open.
  std::string prefix = "";    // Before each line that is passed on.
  FileDescriptor log = {};    // Gets all that comes, as it comes; nothing does if not open.
  std::string log_path = "";  // For messages.
};

// Not thread-safe.
class OutputRelay {
 public:
  // Writes to `output`, which must stay open; where that fails the text is lost and the relay goes
  // on. But for want of a reader, standard error is told once.
  explicit OutputRelay(int output) : output_(output) {}

  // Relays from the next rank, from 0.
  void add(RelaySource source);

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

  // Closes all pipes and files, in a forked process that is not to hold them.
  void close() { sources_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Source {
    RelaySource from;
    OutputTail tail;
    std::string open_line;
    Clock::time_point open_since;
  };

  bool read_once(int rank);
  void write_log(Source& source, std::string_view chunk);
  void write_open_line(int rank);
  void write(int writer, std::string_view text);
  void write_output(std::string_view text);

  int output_;
  bool has_told_of_loss_ = false;
  std::vector<Source> sources_;
  std::optional<int>
      mid_line_writer_;  // Whose text the output ends with, where no newline ended it.
};

}  // namespace accelerate::launcher
