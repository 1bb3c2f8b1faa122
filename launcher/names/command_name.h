// The name of the command, for messages that say what to type. A wheel calls it `accelerate-cpp`.
//
// Example:
//   std::cerr << command_name() << " launch: there is no " << path << "\n";
//
// Not for messages about a run, which begin with `accelerate:` in all programs.
#pragma once

#include <string>

namespace accelerate::launcher {

// `accelerate` until set_command_name() says otherwise.
const std::string& command_name();

// Not thread-safe: call it at the beginning of a command.
void set_command_name(std::string name);

}  // namespace accelerate::launcher
