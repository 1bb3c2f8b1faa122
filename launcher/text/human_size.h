// Sizes in bytes, as people read them and as Hugging Face Accelerate prints them.
//
// Example:
//   human_size(std::int64_t{433270784});  // "413.2 MB"
//
// Not for sizes that a program reads again.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

// In the largest unit of which there is at least one, 1024 bytes to a KB, to two decimals without
// trailing zeros beyond the first: "1.0 KB". Whole numbers of bytes below 1024 have no decimals:
// "40 bytes".
std::string human_size(std::int64_t bytes);

// The same for a size that was divided, whose bytes have decimals too: "20.0 bytes".
std::string human_size(double bytes);

}  // namespace accelerate::launcher
