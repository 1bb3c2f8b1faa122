// Reads numbers from text, in the same way in every locale. Part of csv_file.h; not for others.
//
//   float value = 0;
//   if (const char* problem = parse_number("1.5e3", value)) return problem;
#pragma once

#include <cstdint>
#include <string_view>

namespace accelerate {

// Reads the whole text, which may begin with a plus sign. Returns null, or what is wrong with the
// text as the end of a sentence, such as "is not a number". NaN and infinities are errors. A number
// that is too small for a float is rounded, like any other.
const char* parse_number(std::string_view text, float& value);
const char* parse_number(std::string_view text, int64_t& value);

}  // namespace accelerate
