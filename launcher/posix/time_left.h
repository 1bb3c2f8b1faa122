// How long a poll() may take that is to be over at a certain time.
//
// Example:
//   poll(polled.data(), polled.size(), static_cast<int>(time_left(deadline).count()));
#pragma once

#include <algorithm>
#include <chrono>

namespace accelerate::launcher {

// Rounded up, so that the time has come when it is over; 0 where it has come already.
inline std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto rest = std::chrono::ceil<milliseconds>(time - std::chrono::steady_clock::now());
  return std::max(rest, milliseconds(0));
}

}  // namespace accelerate::launcher
