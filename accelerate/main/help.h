// What --help prints.
#pragma once

#include <string>

namespace accelerate::internal {

// The launch flags and, with `program_flags`, the abseil flags of the program's own sources.
std::string program_help(const std::string& program_path, bool program_flags);

}  // namespace accelerate::internal
