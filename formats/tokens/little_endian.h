// Reads numbers from files, which need not be at a multiple of their size.
//
// Example:
//   const auto magic = little_endian<std::int32_t>(file.bytes().data());
//
// Not for machines that are big-endian: it does not compile there.
#pragma once

#include <bit>
#include <cstring>

namespace accelerate {

template <class Number>
Number little_endian(const char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  Number number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

}  // namespace accelerate
