// The flags of `accelerate launch` that only Python programs have a use for, and those that nobody
// here has.
//
// Part of flag_table.h, which has these among all the others; not for others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> python_flags();

}  // namespace accelerate::launcher
