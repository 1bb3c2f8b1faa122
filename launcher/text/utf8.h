// Checking that text is UTF-8.
//
// Example:
//   if (find_no_utf8("no \xff") == 3) refuse();
//
// Not for parts of a text: a character must not be cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace accelerate::launcher {

// The index of the first byte that is not part of a character in UTF-8, the size where all are.
// Surrogates and overlong forms are none.
std::size_t find_no_utf8(std::string_view text);

}  // namespace accelerate::launcher
