// A text that nobody vouches for, made fit for a message.
//
// Example: printable("a\nb") is "\"a\\nb\"".
//
// Not for a text that a program reads again: it is cut where it is long.
#pragma once

#include <string>

namespace accelerate::launcher {

// `text` in double quotes, escaped, and cut where it is long.
std::string printable(const std::string& text);

}  // namespace accelerate::launcher
