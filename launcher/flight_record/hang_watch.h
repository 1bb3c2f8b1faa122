// When a run hangs: some rank has waited for others for longer than anybody meant it to.
//
// Example:
//   HangWatch watch(std::chrono::minutes(5));
//   // Every few seconds:
//   if (watch.is_new_hang(memory->read())) report();
//
// A hang is told once, and another one only when that has passed. A rank that is busy with a long
// operation, such as saving a checkpoint, may take four times as long. Not for GPUs that wait for
// each other in a part of the ranks while nobody has gone on to a collective of all, nor for ranks
// that wait before there is a run: the meeting has a time-out of its own.
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

  // The ranks could not go on until now, as they were stopped from outside.
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
