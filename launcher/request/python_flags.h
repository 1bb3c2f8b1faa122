// The flags of `accelerate launch` that only Python programs have a use for, and those that nobody
// here has.
//
// Not for reading a command line: flag_table.h has these among all the others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> python_flags();

}  // namespace accelerate::launcher
