#include "accelerate/progress_bar/step_rate.h"

#include <algorithm>
#include <cmath>

namespace accelerate::internal {

void StepRate::add(int64_t steps, double seconds) {
  if (!(seconds > 0)) return;
  constexpr double kMemorySeconds = 3;
  // Of slow steps a few are remembered all the same.
  constexpr double kLeastKept = 0.7;
  const double kept = std::max(std::exp(-seconds / kMemorySeconds), kLeastKept);
  steps_ = kept * steps_ + static_cast<double>(std::max<int64_t>(0, steps));
  seconds_ = kept * seconds_ + seconds;
}

}  // namespace accelerate::internal
