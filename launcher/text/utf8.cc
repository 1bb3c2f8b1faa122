#include "launcher/text/utf8.h"

#include <cstdint>

namespace accelerate::launcher {

std::size_t find_no_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&text](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char first = byte(i);
    std::size_t size = 1;
    if (first >= 0x80) {
      size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
      if (first < 0xC2 || first > 0xF4 || i + size > text.size()) return i;
      std::uint32_t character = first & (0x7F >> size);
      for (std::size_t k = 1; k < size; ++k) {
        if ((byte(i + k) & 0xC0) != 0x80) return i;
        character = (character << 6) | (byte(i + k) & 0x3F);
      }
      const std::uint32_t smallest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
      if (character < smallest || character > 0x10FFFF) return i;
      if (character >= 0xD800 && character <= 0xDFFF) return i;
    }
    i += size;
  }
  return text.size();
}

}  // namespace accelerate::launcher
