// A short word that tells one build of a program from another.
//
// Example:
//   terms.push_back({"the build of the program", program_digest("/proc/self/exe")});
//
// Not against malice: whoever wants to can make a file with the same digest.
#pragma once

#include <string>
#include <string_view>

namespace accelerate::launcher {

// Of the bytes of the file, in 16 hexadecimal digits; "unreadable" where it cannot be read.
// Thread-safe.
std::string program_digest(const std::string& path);

// The same of a text.
std::string digest_of(std::string_view text);

}  // namespace accelerate::launcher
