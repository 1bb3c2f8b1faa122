// Part of the flight record; not for others. A time for people.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace accelerate::launcher {

// The time between two values of flight_time(): "0.2 s", "35 s", "6 min", "3 h". Zero if `to` is
// earlier, which happens when a process notes a time while another one looks.
inline std::string duration_text(std::uint64_t from, std::uint64_t to) {
  const double seconds = to > from ? static_cast<double>(to - from) * 1e-9 : 0;
  if (seconds < 10) return absl::StrFormat("%.1f s", seconds);
  if (seconds < 120) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 7200) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.0f h", seconds / 3600);
}

}  // namespace accelerate::launcher
