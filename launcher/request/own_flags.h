// The flags that this launcher itself uses.
//
// Part of flag_table.h, which has these among all the others; not for others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> own_flags();

}  // namespace accelerate::launcher
