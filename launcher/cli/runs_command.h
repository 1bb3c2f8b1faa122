// `accelerate runs FOLDER`: shows what training runs have logged, side by side in the terminal, as
// JSON, or as a page for a browser.
//
// Example:
//   return run_runs({"runs", "--metric=loss", "--html=runs.html"}, Console());
//
// Not for watching a run while it trains.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_runs(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
