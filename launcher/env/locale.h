// What the locale says about a terminal.
//
// Example:
//   const char* const mark = shows_utf8() ? "\u2588" : "#";
//
// Not for translating anything: all texts are in English.
#pragma once

namespace accelerate::launcher {

// Whether the first of LC_ALL, LC_CTYPE and LANG that is set and not empty names UTF-8. True if
// none is, as in most containers.
bool shows_utf8();

}  // namespace accelerate::launcher
