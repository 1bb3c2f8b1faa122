// The text that --help prints. Part of main.h; not for others.
#pragma once

#include <string>

#include "launcher/request/flags.h"

namespace accelerate::internal {

// Lists the launch flags that the program leaves to the launcher and, unless `is_program_flag` is
// null, the abseil flags of the program's own sources.
std::string program_help(const std::string& program_path,
                         const launcher::IsProgramFlag& is_program_flag);

}  // namespace accelerate::internal
