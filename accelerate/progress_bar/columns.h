// How many columns of a terminal a text takes.
//
// Part of ProgressBar; not for others.
#pragma once

#include <string>
#include <string_view>

namespace accelerate::internal {

// Of a text in UTF-8 without control characters: two for each character of Chinese, Japanese and
// Korean and for most emoji, none for an accent that is written over the character before it.
int columns_of(std::string_view text);

// As much of its beginning as fits into `columns`, in whole characters.
std::string clipped(std::string_view text, int columns);

}  // namespace accelerate::internal
