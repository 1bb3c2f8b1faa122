// The flags of `accelerate launch` about features of Python programs: those about sharding, which
// programs built here heed as well, those that only Python programs have a use for, and those that
// nobody here has.
//
// Part of flag_table.h, which has these among all the others; not for others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> python_flags();

}  // namespace accelerate::launcher
