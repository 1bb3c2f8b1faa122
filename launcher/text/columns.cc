#include "launcher/text/columns.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace accelerate::launcher {
namespace {

struct Fit {
  std::size_t bytes = 0;
  int columns = 0;
};

// The C library knows the widths, but in a locale of UTF-8 only, which this thread need not have.
class Utf8Scope {
 public:
  Utf8Scope() : before_(uselocale(utf8())) {}
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;
  ~Utf8Scope() { uselocale(before_); }

 private:
  // Null where the system has none, which keeps the locale as it is.
  static locale_t utf8() {
    static const locale_t kept = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return kept;
  }
  locale_t before_;
};

Fit fit(std::string_view text, int columns) {
  const Utf8Scope scope;
  Fit found;
  while (found.bytes < text.size()) {
    const std::string_view rest = text.substr(found.bytes);
    mbstate_t state = {};
    wchar_t character = 0;
    std::size_t size = mbrtowc(&character, rest.data(), rest.size(), &state);
    int width = 0;
    if (size >= 1 && size <= rest.size()) {
      width = std::max(0, wcwidth(character));
    } else {
      // Without such a locale: rather too many than too few, and no cut within a character.
      size = 1;
      width = (static_cast<unsigned char>(rest[0]) & 0xC0) == 0x80 ? 0 : 2;
    }
    if (width > columns - found.columns) break;
    found.bytes += size;
    found.columns += width;
  }
  return found;
}

}  // namespace

int columns_of(std::string_view text) { return fit(text, std::numeric_limits<int>::max()).columns; }

std::string clipped(std::string_view text, int columns) {
  return std::string(text.substr(0, fit(text, columns).bytes));
}

}  // namespace accelerate::launcher
