// Which Python this machine has, and which of its packages matter here.
//
// Example:
//   for (const Fact& fact : python_facts()) std::cout << fact.name << ": " << fact.value << "\n";
//
// Not for whether a package works: none is imported, because that takes seconds.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/command_output.h"
#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// The versions of `python` and of torch, accelerate, numpy and safetensors by its metadata, or why
// they are not known.
std::vector<Fact> python_facts(const std::string& python = "python3",
                               const CommandOutputOptions& options = {});

}  // namespace accelerate::launcher
