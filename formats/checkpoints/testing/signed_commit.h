// Signs the changed text of a commit file with the checksum that it then needs.
//
// Example:
//   const std::string text = signed_again(commit_text(commit) + "]");
//
// Not for unchanged texts: commit_text() already ends with the checksum.
#pragma once

#include <cstdio>
#include <string>

#include "formats/checkpoints/verify.h"

namespace accelerate::checkpoints {

// Replaces the checksum that the text ends with, or appends one if there is none.
inline std::string signed_again(std::string text) {
  const std::string begin = ",\n  \"crc32\": \"";
  const std::size_t end = text.rfind(begin);
  if (end != std::string::npos && text.size() - end < begin.size() + 15) text.resize(end);
  char digits[9];
  std::snprintf(digits, sizeof(digits), "%08x", crc32(text));
  return text + begin + digits + "\"\n}\n";
}

}  // namespace accelerate::checkpoints
