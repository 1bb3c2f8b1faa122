// How long something has taken while this process ran: what a wait is measured by, so that a run
// that was suspended for a night does not end with a timeout when it goes on.
//
// Part of the waits for other ranks, which look at it several times a second; not for others.
#pragma once

#include <chrono>

namespace accelerate {

class RunningTime {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RunningTime(Clock::time_point begin) : last_(begin) {}

  // Call this several times a second.
  Clock::duration at(Clock::time_point now) {
    // A busy machine may let a process sleep for seconds.
    constexpr std::chrono::seconds kLongestSleep(10);
    if (now - last_ < kLongestSleep) total_ += now - last_;
    last_ = now;
    return total_;
  }

 private:
  Clock::time_point last_;
  Clock::duration total_ = Clock::duration::zero();
};

}  // namespace accelerate
