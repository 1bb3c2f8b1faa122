// The name by which the command was called, for what it says about itself and tells people to type:
// a wheel calls it `accelerate-cpp`.
//
// Example:
//   std::cerr << command_name() << " launch: there is no " << path << "\n";
//
// Not for remarks about a run, which begin with `accelerate:` also in programs that launch
// themselves.
#pragma once

#include <string>

namespace accelerate::launcher {

// `accelerate` until set_command_name() says otherwise.
const std::string& command_name();

// For the beginning of a command alone: not thread-safe.
void set_command_name(std::string name);

}  // namespace accelerate::launcher
