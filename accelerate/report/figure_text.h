// Writes the figures of a report as people read them. Part of the report; not for others.
#pragma once

#include <string>

namespace accelerate::internal {

// "64.3 us", "45.83 ms", "1.20 s".
std::string time_text(double seconds);

// "698.2", "44.7 k", "5.83 M": the name of a unit is to follow.
std::string count_text(double count);

}  // namespace accelerate::internal
