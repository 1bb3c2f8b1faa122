// Numbers as texts write them, whatever the locale. Part of csv_file.h; not for others.
//
//   float value = 0;
//   if (const char* problem = parse_number("1.5e3", value)) return problem;
#pragma once

#include <cstdint>
#include <string_view>

namespace accelerate {

// Reads the whole text, which may begin with a plus sign. What is wrong with it otherwise, as the
// end of a sentence, "is no number"; null where nothing is. Not a number, and infinite ones, are no
// numbers here. What is too small for a float is rounded as others are.
const char* parse_number(std::string_view text, float& value);
const char* parse_number(std::string_view text, int64_t& value);

}  // namespace accelerate
