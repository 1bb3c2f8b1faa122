// The time-out for a poll() that must end at a certain time.
//
// Example:
//   poll(polled.data(), polled.size(), static_cast<int>(time_left(deadline).count()));
#pragma once

#include <algorithm>
#include <chrono>

namespace accelerate::launcher {

// Rounded up, so that the time has come when poll() ends; 0 if it has come already.
inline std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto rest = std::chrono::ceil<milliseconds>(time - std::chrono::steady_clock::now());
  return std::max(rest, milliseconds(0));
}

}  // namespace accelerate::launcher
