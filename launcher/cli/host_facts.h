// Facts about the machine and the build, for a bug report.
//
// Example:
//   std::cout << to_bullets(host_facts());
//
// Not for making decisions: launcher/plan/machine.h has what a run may use.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// Platform, operating system, location of this program, compiler, CPU, memory and GPUs. Facts that
// cannot be determined are reported as unknown.
std::vector<Fact> host_facts();

// The value in the first line `key : value` or `key="value"` of a text such as /proc/cpuinfo or
// /etc/os-release; empty if there is no such line.
std::string value_of(const std::string& key, const std::string& text);

}  // namespace accelerate::launcher
