// Sizes in bytes, as people read them and as Hugging Face Accelerate prints them.
//
// Example:
//   human_size(std::int64_t{433270784});  // "413.2 MB"
//
// Not for sizes that a program reads back.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

// The size in the largest unit that makes it at least 1; a KB is 1024 bytes. Has at most two
// decimals, without a trailing zero in the second: "1.0 KB". Whole numbers of bytes below 1024 have
// no decimals: "40 bytes".
std::string human_size(std::int64_t bytes);

// The same for the result of a division, whose bytes have decimals too: "20.0 bytes".
std::string human_size(double bytes);

}  // namespace accelerate::launcher
