// Checks that a text is UTF-8.
//
// Example:
//   if (find_no_utf8("no \xff") == 3) refuse();
//
// Not for parts of a text, which may cut a character.
#pragma once

#include <cstddef>
#include <string_view>

namespace accelerate::launcher {

// The index of the first byte that is not part of a UTF-8 character, or the size of the text if
// there is none. Surrogates and overlong forms are not characters.
std::size_t find_no_utf8(std::string_view text);

}  // namespace accelerate::launcher
