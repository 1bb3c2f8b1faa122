#include "launcher/config/printable.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

std::string printable(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  if (text.size() <= kLongest) return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
  std::size_t cut = kLongest;
  // Not within a character.
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, cut)), "...\"");
}

}  // namespace accelerate::launcher
