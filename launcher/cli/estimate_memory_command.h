// `accelerate estimate-memory PATH`: how much memory a model in safetensors files takes.
//
// Example:
//   return run_estimate_memory({"model.safetensors", "--dtypes", "bfloat16"}, Console());
//
// Not for models that are only on a hub, and not for other formats.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_estimate_memory(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
