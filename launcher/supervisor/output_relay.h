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
// yet, such as a prompt or a progress bar, after a moment. Then the others wait a while for its
// end, and begin on a fresh line where that does not come. The relay never waits for whoever reads
// the output: it keeps some, and then leaves the pipes full, so that the processes wait for him.
//
// Not where the processes can write themselves: one that finds a pipe in place of its terminal may
// write later, and without colours.
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
  FileDescriptor pipe = {};   // Non-blocking. Nothing comes from one that is not open.
  std::string prefix = "";    // Before each line that is passed on.
  FileDescriptor log = {};    // Gets all that comes, as it comes; nothing does if not open.
  std::string log_path = "";  // For messages.
  bool is_shown = true;       // Otherwise nothing is passed on, but kept and remembered as ever.
};

// Not thread-safe.
class OutputRelay {
 public:
  // Writes to `output`, which must stay open. Where that fails the text is lost, which is told
  // once, and the relay goes on; but once the reader has gone, all pipes are closed, so that who
  // writes into one gets the SIGPIPE that he would get without a relay. `remark` gets lines of the
  // relay's own; the output itself does where it is empty.
  explicit OutputRelay(int output, std::function<void(std::string_view lines)> remark = nullptr);
  OutputRelay(const OutputRelay&) = delete;
  OutputRelay& operator=(const OutputRelay&) = delete;

  // Relays from the next rank, from 0.
  void add(RelaySource source);

  // What to poll: the pipes that may still bring something, unless so much is kept that those that
  // are shown have to wait, and the output where it is to take what is kept.
  void add_to(std::vector<pollfd>& polled) const;

  // How long until text that waits for the end of a line is to go out; nothing where there is none.
  std::optional<std::chrono::milliseconds> wait() const;

  // Passes on what has arrived, and has been kept. Does not wait for more.
  void forward();

  // Takes in all that rank `rank` has written, of whose lines none need be waited for any more. For
  // a process that has ended.
  void finish(int rank);

  // The same for all ranks, and passes on everything.
  void finish_all();

  // Writes whole lines of the caller's own in between.
  void print(std::string_view lines);

  // Whether some is kept that the output has not taken yet.
  bool has_rest() const { return writer_.has_rest(); }

  // From now on, what the output does not take at once is dropped, the rest that is kept first;
  // which is remarked here and now, if there is one.
  void give_up();

  // Whether text was lost, here or in a file, for another reason than that its reader had gone.
  bool has_lost() const { return has_lost_ || has_lost_log_; }

  // The end of what `rank` wrote.
  std::string tail(int rank) const { return sources_[rank].tail.text(); }

  // Closes all pipes and files, in a forked process that is not to hold them.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  struct Source {
    RelaySource from;
    OutputTail tail;
    std::string waiting;  // What is to be passed on, since when:
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
  std::optional<int>
      mid_line_writer_;  // Whose text the output ends with, where no newline ended it.
};

}  // namespace accelerate::launcher
