// Waits for another process that is about to arrive: spins for a short while, after which the
// caller should sleep.
//
//   SpinWait spin(crowded);
//   while (!arrived()) {
//     if (!spin.lasts()) sleep_until_something_changes();
//   }
#pragma once

#include <chrono>

namespace accelerate::internal {

class SpinWait {
 public:
  // `crowded`: there are fewer cores than processes, so a process that spins may occupy the core
  // that the awaited process needs.
  explicit SpinWait(bool crowded) : crowded_(crowded) {}

  // Waits a moment before the caller's next check; returns false when it is time to sleep.
  bool lasts();
  // Starts the short while again.
  void renew() { looks_ = 0; }

 private:
  using Clock = std::chrono::steady_clock;

  bool crowded_;
  int looks_ = 0;
  Clock::time_point begin_;
};

}  // namespace accelerate::internal
