// Part of the metrics and the event files; not for others. Texts that all readers accept.
#pragma once

#include <string>

namespace accelerate::metrics {

// The text, with U+FFFD in place of everything that is not valid UTF-8.
std::string utf8_text(const std::string& text);

}  // namespace accelerate::metrics
