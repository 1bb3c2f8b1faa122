#include "launcher/text/printable.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/text/utf8.h"

namespace accelerate::launcher {
namespace {

// Of a text in UTF-8.
std::uint32_t character_at(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first;
  const int size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  std::uint32_t character = first & (0x7F >> size);
  for (int i = 1; i < size; ++i) {
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  return character;
}

std::size_t size_of(std::uint32_t character) {
  return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

// Beyond ASCII: the control characters of ISO 8859, which some terminals obey, the ends of lines
// and paragraphs, what turns the direction of writing, and what is not seen at all.
bool is_hidden(std::uint32_t character) {
  const auto is_from = [character](std::uint32_t first, std::uint32_t last) {
    return first <= character && character <= last;
  };
  return is_from(0x80, 0x9F) || character == 0xAD || character == 0x61C ||
         is_from(0x200B, 0x200F) || is_from(0x2028, 0x202E) || is_from(0x2060, 0x206F) ||
         character == 0xFEFF || is_from(0xE0000, 0xE007F);
}

// Of a text in UTF-8.
std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::uint32_t character = character_at(text);
    const std::size_t size = size_of(character);
    if (is_hidden(character)) {
      const bool is_short = character <= 0xFFFF;
      absl::StrAppendFormat(&result, "\\%c%0*x", is_short ? 'u' : 'U', is_short ? 4 : 8, character);
    } else {
      absl::StrAppend(&result, absl::Utf8SafeCEscape(std::string(text.substr(0, size))));
    }
    text.remove_prefix(size);
  }
  return result;
}

// `kept` are the control characters of ASCII that stay.
std::string without_hidden(std::string_view rest, std::string_view kept) {
  std::string result;
  while (!rest.empty()) {
    for (std::size_t good = find_no_utf8(rest); good > 0;) {
      const std::uint32_t character = character_at(rest);
      const std::size_t size = size_of(character);
      const bool is_kept = character < 0x80 && kept.find(rest[0]) != std::string_view::npos;
      const bool is_control = !is_kept && (character < 0x20 || character == 0x7F);
      result += is_control ? " " : is_hidden(character) ? "?" : rest.substr(0, size);
      rest.remove_prefix(size);
      good -= size;
    }
    if (rest.empty()) break;
    result.push_back('?');
    rest.remove_prefix(1);
  }
  return result;
}

// Where a text in UTF-8 may be cut, at this many bytes or before: not within a character.
std::size_t cut_at(const std::string& text, std::size_t longest) {
  std::size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return cut;
}

}  // namespace

std::string printable(const std::string& text, std::size_t longest) {
  if (find_no_utf8(text) != text.size()) {
    const bool cut = text.size() > longest;
    return absl::StrCat("\"", absl::CEscape(text.substr(0, longest)), cut ? "...\"" : "\"");
  }
  if (text.size() <= longest) return absl::StrCat("\"", escaped(text), "\"");
  return absl::StrCat("\"", escaped(text.substr(0, cut_at(text, longest))), "...\"");
}

std::string plain(const std::string& text) { return without_hidden(text, ""); }

std::string plain_start(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return plain(text);
  return plain(text.substr(0, cut_at(text, longest))) + "...";
}

std::string plain_lines(absl::string_view text) {
  return without_hidden({text.data(), text.size()}, "\n\t");
}

}  // namespace accelerate::launcher
