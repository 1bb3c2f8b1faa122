// A text that nobody vouches for, made fit for a message.
//
// Example:
//   std::cerr << "no such file: " << printable("a\nb") << "\n";  // "a\nb"
//
// Not for a text that a program reads again: it is cut where it is long.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace accelerate::launcher {

// `text` in double quotes, escaped, and cut where it has more than `longest` bytes.
std::string printable(const std::string& text, std::size_t longest = 60);

// `text` without what a terminal obeys or hides instead of showing it: a space for each control
// character of ASCII, a question mark for other ones, for marks that turn the direction of writing,
// and for bytes that are no UTF-8. For sentences of others, which are shown whole.
std::string plain(const std::string& text);

// The same of its first `longest` bytes, where it may be long.
std::string plain_start(const std::string& text, std::size_t longest = 500);

// The same, but line feeds and tabulators stay. For what a command prints, texts of files and
// variables in it.
std::string plain_lines(absl::string_view text);

}  // namespace accelerate::launcher
