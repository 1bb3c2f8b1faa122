#include "launcher/config/printable.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "launcher/config/utf8.h"

namespace accelerate::launcher {

std::string printable(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  if (find_no_utf8(text) != text.size()) {
    const bool cut = text.size() > kLongest;
    return absl::StrCat("\"", absl::CEscape(text.substr(0, kLongest)), cut ? "...\"" : "\"");
  }
  if (text.size() <= kLongest) return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
  std::size_t cut = kLongest;
  // Not within a character.
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, cut)), "...\"");
}

}  // namespace accelerate::launcher
