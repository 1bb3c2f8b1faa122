// A launcher's reports on the flight record of its workers: where each one is, when some have
// waited too long or when somebody asks.
//
// Example:
//   FlightReporter reporter({.num_ranks = 2, .world_size = 2});
//   // The workers are told reporter.path(). When they have been forked:
//   reporter.note_start(/*local_rank=*/0, worker);
//   // Whenever one of its descriptors is readable, or reporter.wait() has passed:
//   std::cerr << reporter.handle();
//
// The sentences appear at once. A separate process writes the file with the collectives and the
// stacks of each rank, because a debugger needs some seconds for the stacks. Does not end a run
// that hangs: its collectives have a time-out.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/flight_record/flight_memory.h"
#include "launcher/flight_record/flight_view.h"
#include "launcher/flight_record/hang_watch.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

struct FlightReporterOptions {
  int num_ranks = 1;                          // Of this machine.
  int first_rank = 0;                         // The rank of the first of them in the job.
  int world_size = 1;                         // The number of ranks in the job.
  std::chrono::milliseconds hang_timeout{0};  // How long a rank may wait for others; 0 for ever.
  std::string folder = ".";                   // For the reports' files.
};

// Not thread-safe.
class FlightReporter {
 public:
  // If the system has no memory for a record, the workers note nothing, and report_for_signal()
  // says so.
  explicit FlightReporter(const FlightReporterOptions& options);
  FlightReporter(FlightReporter&& other) noexcept
      : options_(std::move(other.options_)),
        memory_(std::move(other.memory_)),
        watch_(std::move(other.watch_)),
        next_look_(other.next_look_),
        writer_(std::exchange(other.writer_, 0)),
        news_(std::move(other.news_)) {}
  FlightReporter& operator=(FlightReporter&&) = delete;
  ~FlightReporter() { stop(); }

  // The path that the workers must be told; empty if there is no record.
  std::string path() const;
  void note_start(int local_rank, pid_t pid);

  // ---- In the launcher's loop

  void add_to(std::vector<pollfd>& polled) const;
  // The time until the next look at the ranks; no value if there is none, as after stop().
  std::optional<std::chrono::milliseconds> wait() const;
  // Checks whether the ranks hang, if it is time, and reads what the writing process says. Returns
  // lines to show, or an empty text.
  std::string handle();
  // Lines to show after SIGQUIT.
  std::string report_for_signal();
  // Tells it that this process had stopped the workers until now. If somebody else stopped all of
  // them, as `scontrol suspend` does, handle() notices by itself.
  void forget_time() { watch_.forget_time_until(flight_time()); }

  // The process that writes, a child of this one; 0 if there is none.
  pid_t writer() const { return writer_; }
  // Ends the writing process, and looks at no rank from now on, because all have ended.
  void stop();

  // For a forked worker, which has inherited it.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  std::string report(const std::string& occasion);
  std::string start_writer(FlightView view, const std::vector<std::string>& told,
                           const std::string& occasion);

  FlightReporterOptions options_;
  absl::StatusOr<FlightMemory> memory_;
  HangWatch watch_;
  std::optional<Clock::time_point> next_look_;  // No value if it is not wanted.
  pid_t writer_ = 0;
  FileDescriptor news_;  // What the writer has to say.
};

}  // namespace accelerate::launcher
