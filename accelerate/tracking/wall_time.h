// Part of the trackers; not for others. Seconds since 1970, as logged values have them.
#pragma once

#include <chrono>

namespace accelerate::internal {

inline double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace accelerate::internal
