// The machine and the build, for a bug report.
//
// Example:
//   std::cout << to_bullets(host_facts());
//
// Not for deciding anything: what a run may use is in launcher/plan/machine.h.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// Platform, operating system, location of this program, compiler, CPU, memory and GPUs. What cannot
// be found out is said to be unknown.
std::vector<Fact> host_facts();

// What the first line `key : value` or `key="value"` of a text such as /proc/cpuinfo or
// /etc/os-release says; empty where there is none.
std::string value_of(const std::string& key, const std::string& text);

}  // namespace accelerate::launcher
