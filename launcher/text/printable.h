// Makes an untrusted text safe for a message.
//
// Example:
//   std::cerr << "no such file: " << printable("a\nb") << "\n";  // "a\nb"
//
// Not for a text that a program reads back: a long text is cut.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace accelerate::launcher {

// `text` in double quotes, escaped, and cut if it has more than `longest` bytes.
std::string printable(const std::string& text, std::size_t longest = 60);

// `text` without what a terminal obeys or hides instead of showing it: a space replaces each
// control character of ASCII; a question mark replaces other control characters, marks that change
// the direction of writing, and bytes that are not UTF-8. For sentences from elsewhere, which are
// shown whole.
std::string plain(const std::string& text);

// The same for the first `longest` bytes of a text that may be long.
std::string plain_start(const std::string& text, std::size_t longest = 500);

// Like plain(), but keeps line feeds and tabs. For the output of a command, which includes texts
// from files and variables.
std::string plain_lines(absl::string_view text);

}  // namespace accelerate::launcher
