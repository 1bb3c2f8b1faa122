// How a process waits for another that is about to come: for a short while it looks again and
// again, then it ought to sleep.
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
  // `crowded`: there are fewer cores than processes, so that whoever looks again at once may keep
  // from its core the one that it waits for.
  explicit SpinWait(bool crowded) : crowded_(crowded) {}

  // Waits a moment before the next look; false when it is time to sleep.
  bool lasts();
  // From the start again.
  void renew() { looks_ = 0; }

 private:
  using Clock = std::chrono::steady_clock;

  bool crowded_;
  int looks_ = 0;
  Clock::time_point begin_;
};

}  // namespace accelerate::internal
