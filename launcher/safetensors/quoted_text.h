// Text out of a file that nobody vouches for, made fit for a message on a terminal.
//
// Example:
//   absl::StrCat("the tensor ", quoted_text(name), " stands twice")  // the tensor "a.weight"
//   stands twice
//
// Not for keys of one's own: the result is cut and cannot be read back.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace accelerate::safetensors {

// In quotation marks, without control characters, and cut where it is long.
inline std::string quoted_text(const std::string& text) {
  constexpr std::size_t kLongest = 100;
  if (text.size() <= kLongest) return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text), "\"");
  std::size_t end = kLongest;
  // Not within a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text.substr(0, end)), "…\"");
}

}  // namespace accelerate::safetensors
