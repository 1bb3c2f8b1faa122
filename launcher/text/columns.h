// The number of columns that a text takes on a terminal.
//
// Example:
//   columns_of("学習");   // 4
//   clipped("学習", 3);   // "学"
//
// Not for texts with control characters such as line breaks.
#pragma once

#include <string>
#include <string_view>

namespace accelerate::launcher {

// The columns of a text in UTF-8: two for each character of Chinese, Japanese and Korean and for
// most emoji, none for an accent that is written over the character before it.
int columns_of(std::string_view text);

// As much of the beginning of `text` as fits into `columns`, in whole characters.
std::string clipped(std::string_view text, int columns);

}  // namespace accelerate::launcher
