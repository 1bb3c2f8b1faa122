#include "launcher/text/human_size.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace accelerate::launcher {

std::string human_size(std::int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " bytes");
  return human_size(static_cast<double>(bytes));
}

std::string human_size(double bytes) {
  constexpr std::array kUnits = {"bytes", "KB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  std::string number = absl::StrFormat("%.2f", bytes);
  if (number.back() == '0') number.pop_back();
  return absl::StrCat(number, " ", kUnits[unit]);
}

}  // namespace accelerate::launcher
