#include "launcher/supervisor/output_tail.h"

#include <algorithm>

namespace accelerate::launcher {

namespace {

std::string_view last_lines(std::string_view text, std::size_t number) {
  // The newline at the very end ends the last line, and separates no two.
  std::size_t newline = text.size() - (text.ends_with('\n') ? 1 : 0);
  for (std::size_t line = 0; line < number; ++line) {
    if (newline == 0) return text;
    newline = text.rfind('\n', newline - 1);
    if (newline == text.npos) return text;
  }
  return text.substr(newline + 1);
}

}  // namespace

void OutputTail::append(std::string_view chunk) {
  constexpr std::size_t kKept = kMaxBytes + 1;
  chunk.remove_prefix(chunk.size() - std::min(chunk.size(), kKept));
  const std::size_t size = bytes_.size() + chunk.size();
  if (size > kKept) bytes_.erase(0, size - kKept);
  bytes_.append(chunk);
}

std::string OutputTail::text() const {
  std::string_view rest = bytes_;
  if (rest.size() > kMaxBytes) {
    const std::size_t newline = rest.find('\n');
    const bool only_one_line = newline == rest.npos || newline + 1 == rest.size();
    rest.remove_prefix(only_one_line ? 1 : newline + 1);
  }
  std::string text(last_lines(rest, kMaxLines));
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

}  // namespace accelerate::launcher
