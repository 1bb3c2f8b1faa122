// The current rate of a loop, smoothed over a few seconds or steps.
//
// Part of ProgressBar; not for others.
#pragma once

#include <cstdint>

namespace accelerate::internal {

class StepRate {
 public:
  // Adds `steps` steps that took `seconds`.
  void add(int64_t steps, double seconds);

  // 0 if nothing is known yet.
  double per_second() const { return seconds_ > 0 ? steps_ / seconds_ : 0; }

 private:
  // Older steps count for less.
  double steps_ = 0;
  double seconds_ = 0;
};

}  // namespace accelerate::internal
