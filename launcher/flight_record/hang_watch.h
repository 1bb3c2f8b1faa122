// Notices that a run hangs: a rank has waited for others for too long.
//
// Example:
//   HangWatch watch(std::chrono::minutes(5));
//   // Every few seconds:
//   if (watch.is_new_hang(memory->read())) report();
//
// A hang is reported once, and another one only after the first has passed. While a rank is busy
// with a long operation, such as saving a checkpoint, the limit is four times as long. Does not
// notice GPUs that wait for each other in a collective of some of the ranks if no rank has gone on
// to a collective of all. Not for ranks that wait before the run exists: joining it has its own
// time-out.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "launcher/flight_record/flight_snapshot.h"

namespace accelerate::launcher {

// Not thread-safe.
class HangWatch {
 public:
  explicit HangWatch(std::chrono::nanoseconds limit)
      : limit_(static_cast<std::uint64_t>(limit.count())) {}

  bool is_new_hang(const FlightSnapshot& snapshot);

  // Waits count from `now` on, because the ranks were stopped from outside until then.
  void forget_time_until(std::uint64_t now) { earliest_ = now; }

 private:
  struct Wait {
    int rank;
    std::uint64_t ticket;
    std::uint64_t since;
  };
  static std::vector<Wait> waits_of(const FlightSnapshot& snapshot);

  std::uint64_t limit_;
  std::uint64_t earliest_ = 0;
  std::vector<Wait> told_;
};

}  // namespace accelerate::launcher
