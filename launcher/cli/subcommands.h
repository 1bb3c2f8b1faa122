// The subcommands of `accelerate`: to add one, add a row in subcommands.cc and a new file.
//
// Example:
//   return run_command({argv, argv + argc}, subcommands(), Console());
//
// Not for what a subcommand does: see the header of each.
#pragma once

#include <vector>

#include "launcher/cli/command.h"

namespace accelerate::launcher {

// All of them, in the order of the help.
const std::vector<Subcommand>& subcommands();

}  // namespace accelerate::launcher
