// The flags that this launcher itself has a use for.
//
// Not for reading a command line: flag_table.h has these among all the others.
#pragma once

#include <vector>

#include "launcher/request/flag_table.h"

namespace accelerate::launcher {

std::vector<LaunchFlag> own_flags();

}  // namespace accelerate::launcher
