// Part of the metrics and the event files; not for others. Texts that all readers take.
#pragma once

#include <string>

namespace accelerate::metrics {

// The text with U+FFFD for what is no UTF-8 in it.
std::string utf8_text(const std::string& text);

}  // namespace accelerate::metrics
