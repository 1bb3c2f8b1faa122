// What the locale says of a terminal.
//
// Example:
//   const char* const mark = shows_utf8() ? "\u2588" : "#";
//
// Not for translating anything: all texts are in English.
#pragma once

namespace accelerate::launcher {

// By the first of LC_ALL, LC_CTYPE and LANG that is set. True where none is, as in most containers.
bool shows_utf8();

}  // namespace accelerate::launcher
