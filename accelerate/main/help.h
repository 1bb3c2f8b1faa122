// What --help prints. Part of main.h; not for others.
#pragma once

#include <string>

#include "launcher/request/flags.h"

namespace accelerate::internal {

// The launch flags that the program leaves to the launcher, and the abseil flags of its own
// sources; the latter only where `is_program_flag` is there to know them.
std::string program_help(const std::string& program_path,
                         const launcher::IsProgramFlag& is_program_flag);

}  // namespace accelerate::internal
