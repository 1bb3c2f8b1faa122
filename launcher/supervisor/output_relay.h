// Relays what several processes write to one of their standard streams, optionally keeps it in a
// file for each, and remembers the end of each stream.
//
// Example:
//   OutputRelay relay(STDERR_FILENO);
//   relay.add({.pipe = std::move(read_end_of_rank_0), .prefix = "[default0]:"});
//   // Whenever one of relay.fds() is readable or relay.wait() has passed:
//   relay.forward();
//
// Lines of different processes do not mix: a whole line goes out at once, and text without a
// newline, such as a prompt or a progress bar, after a moment. The others then wait a while for its
// end, and begin a new line if it does not come. The relay never waits for the reader of the
// output: it buffers some, and then leaves the pipes full, so that the processes wait.
//
// Not for processes that can write themselves: a program that finds a pipe instead of a terminal
// may buffer its output, and print no colours.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/posix/file_descriptor.h"
#include "launcher/posix/output_writer.h"
#include "launcher/supervisor/output_tail.h"

namespace accelerate::launcher {

struct RelaySource {
  FileDescriptor pipe = {};   // Non-blocking. If not open, there is nothing to relay.
  std::string prefix = "";    // Before each line that is passed on.
  FileDescriptor log = {};    // Gets all text unchanged; nothing is kept if not open.
  std::string log_path = "";  // For messages.
  bool is_shown = true;       // Otherwise text is only kept and remembered.
};

// Not thread-safe.
class OutputRelay {
 public:
  // Writes to `output`, which must stay open. If that fails the text is lost, the relay says so
  // once, and continues. But if the reader has closed the output, all pipes are closed, so that
  // writers get the SIGPIPE that they would get without a relay. `remark` gets the relay's own
  // lines; if it is empty, the output gets them.
  explicit OutputRelay(int output, std::function<void(std::string_view lines)> remark = nullptr);
  OutputRelay(const OutputRelay&) = delete;
  OutputRelay& operator=(const OutputRelay&) = delete;

  // Relays from the next rank, from 0.
  void add(RelaySource source);

  // What to poll: the pipes that may still deliver text, unless the buffer is full and shown ones
  // must wait, and the output if there is buffered text.
  void add_to(std::vector<pollfd>& polled) const;

  // How long until text that waits for the end of its line must go out; no value if there is none.
  std::optional<std::chrono::milliseconds> wait() const;

  // Passes on what has arrived and what was buffered. Does not wait for more.
  void forward();

  // Reads everything that rank `rank` has written, and waits for no further lines from it. For a
  // process that has ended.
  void finish(int rank);

  // The same for all ranks, and passes on everything.
  void finish_all();

  // Writes whole lines of the caller between those of the processes.
  void print(std::string_view lines);

  // Whether there is buffered text that the output has not taken yet.
  bool has_rest() const { return writer_.has_rest(); }

  // From now on, drops what the output does not take at once, and first the buffered text. Says so
  // now if there is any.
  void give_up();

  // Whether text was lost, here or in a file, for a reason other than a closed reader.
  bool has_lost() const { return has_lost_ || has_lost_log_; }

  // The end of what `rank` wrote.
  std::string tail(int rank) const { return sources_[rank].tail.text(); }

  // Closes all pipes and files, for a forked process that must not hold them.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  struct Source {
    RelaySource from;
    OutputTail tail;
    std::string waiting;  // What to pass on, and since when.
    Clock::time_point since;
    bool has_ended = false;
  };

  bool read_once(int rank);
  void write_log(Source& source, std::string_view chunk);
  bool would_interrupt(int rank) const;
  Clock::time_point due_time(int rank) const;
  bool write_lines(int rank);
  void write_what_waits(int rank);
  void write(int writer, std::string_view text);
  void write_output(std::string_view text);
  void look_for_error();
  void drop_rest();

  OutputWriter writer_;
  std::function<void(std::string_view)> remark_;
  bool has_given_up_ = false;
  bool has_told_of_dropping_ = false;
  bool has_lost_ = false;
  bool has_lost_log_ = false;
  std::vector<Source> sources_;
  std::optional<int> mid_line_writer_;  // The rank whose unfinished line ends the output.
};

}  // namespace accelerate::launcher
