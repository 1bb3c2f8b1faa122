// A short text that distinguishes builds of a program.
//
// Example:
//   terms.push_back({"the build of the program", program_digest("/proc/self/exe")});
//
// Not a protection: an attacker can make a file with the same digest.
#pragma once

#include <string>
#include <string_view>

namespace accelerate::launcher {

// The digest of the file's bytes, in 16 hexadecimal digits; "unreadable" if it cannot be read.
// Thread-safe.
std::string program_digest(const std::string& path);

// The same for a text.
std::string digest_of(std::string_view text);

}  // namespace accelerate::launcher
