// The versions of a Python and of the packages that matter here.
//
// Example:
//   std::cout << to_bullets(python_facts("python3"));
//
// Not for whether a package works: none is imported, because that takes seconds.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/fact.h"
#include "launcher/posix/command_output.h"

namespace accelerate::launcher {

// The versions of `python` and, from its metadata, of torch, accelerate, numpy and safetensors, or
// why they are unknown.
std::vector<Fact> python_facts(const std::string& python, const CommandOutputOptions& options = {});

}  // namespace accelerate::launcher
