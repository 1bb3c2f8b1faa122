// The current time as records have it: seconds since 1970.
//
// Example:
//   const metrics::Record record = {.step = 12, .time = metrics::wall_time()};
//
// Not for how long something takes, as this clock may be set.
#pragma once

#include <chrono>

namespace accelerate::metrics {

inline double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace accelerate::metrics
