// How fast a loop goes now, smoothed over a few seconds or steps.
//
// Part of ProgressBar; not for others.
#pragma once

#include <cstdint>

namespace accelerate::internal {

class StepRate {
 public:
  // So many steps took so long.
  void add(int64_t steps, double seconds);

  // 0 where nothing is known yet.
  double per_second() const { return seconds_ > 0 ? steps_ / seconds_ : 0; }

 private:
  // What was long ago counts for less.
  double steps_ = 0;
  double seconds_ = 0;
};

}  // namespace accelerate::internal
