// Part of the metrics and the trackers; not for others. Numbers as files of metrics have them: in
// the shortest form that reads back as the same number, whatever the locale.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace accelerate::metrics {

// "0.1", "1e-07"; "nan", "inf" and "-inf".
inline std::string number_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof(digits), number).ptr};
}

// The text of a time in seconds since 1970, to the millisecond.
inline std::string time_text(double time) { return number_text(std::round(time * 1000) / 1000); }

}  // namespace accelerate::metrics
