// How many columns of a terminal a text takes.
//
// Example:
//   columns_of("学習");   // 4
//   clipped("学習", 3);   // "学"
//
// Not for a text with control characters, such as a line break.
#pragma once

#include <string>
#include <string_view>

namespace accelerate::launcher {

// Of a text in UTF-8: two for each character of Chinese, Japanese and
// Korean and for most emoji, none for an accent that is written over the character before it.
int columns_of(std::string_view text);

// As much of its beginning as fits into `columns`, in whole characters.
std::string clipped(std::string_view text, int columns);

}  // namespace accelerate::launcher
