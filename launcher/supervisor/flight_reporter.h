// What a launcher tells of the flight record of its workers: where each is when some of them have
// waited for too long, or when somebody asks.
//
// Example:
//   FlightReporter reporter({.num_ranks = 2, .world_size = 2});
//   // The workers are told reporter.path(). When they have been forked:
//   reporter.note_start(/*local_rank=*/0, worker);
//   // Whenever one of its descriptors is readable, or reporter.wait() has passed:
//   std::cerr << reporter.handle();
//
// The sentences come at once. The file with the collectives and the stacks of each rank, which take
// a debugger some seconds, is written by a process of its own, so that the launcher goes on. Not
// for ending a run that hangs: its collectives have a time-out.
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
  int first_rank = 0;                         // Among all of the job,
  int world_size = 1;                         // which has so many.
  std::chrono::milliseconds hang_timeout{0};  // How long a rank may wait for others; 0 for ever.
  std::string folder = ".";                   // Of the files.
};

// Not thread-safe.
class FlightReporter {
 public:
  // Where the system has no memory for a record the workers note nothing, which is said when
  // somebody asks.
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

  // What the workers are to know; empty where there is no record.
  std::string path() const;
  void note_start(int local_rank, pid_t pid);

  // ---- In the launcher's loop

  void add_to(std::vector<pollfd>& polled) const;
  // Until the next look at the ranks; nothing where there is none, as after stop().
  std::optional<std::chrono::milliseconds> wait() const;
  // Looks whether they hang, if it is time, and hears the process that writes. Returns lines to be
  // shown, or nothing.
  std::string handle();
  // Lines to be shown where SIGQUIT has come.
  std::string report_for_signal();
  // The workers were stopped until now, by this process. Where somebody has stopped all of them, as
  // `scontrol suspend` does, handle() sees that by itself.
  void forget_time() { watch_.forget_time_until(flight_time()); }

  // The process that writes, a child of this one; 0 where there is none.
  pid_t writer() const { return writer_; }
  // Ends it, and looks at no rank from now on: all have ended.
  void stop();

  // In a worker, which has inherited it by being forked.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  std::string report(const std::string& occasion);
  std::string start_writer(FlightView view, const std::vector<std::string>& told,
                           const std::string& occasion);

  FlightReporterOptions options_;
  absl::StatusOr<FlightMemory> memory_;
  HangWatch watch_;
  std::optional<Clock::time_point> next_look_;  // None where nobody wants it.
  pid_t writer_ = 0;
  FileDescriptor news_;  // What the writer has to say.
};

}  // namespace accelerate::launcher
