// The flags of `accelerate launch` for features of Python programs: flags for sharding, which
// programs built here use as well, flags that only Python programs use, and flags that are ignored.
//
// Part of flag_table.h, which has these among all the others; not for others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> python_flags();

}  // namespace accelerate::launcher
