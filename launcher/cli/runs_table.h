// Training runs side by side in a terminal: a table of the runs, and one for each metric.
//
// Example:
//   const absl::StatusOr<std::vector<runs::Run>> found = runs::read_runs("runs");
//   if (!found.ok()) return fail(found.status());
//   std::cout << runs_tables(*found, {"loss"}, {.width = help_width()});
//
// Not for programs to read: they use `accelerate runs --json`.
#pragma once

#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::launcher {

struct RunsTableOptions {
  int width = 80;         // In columns, at least 40.
  bool is_ascii = false;  // For terminals that do not show UTF-8.
};

// The tables of the named metrics, in this order. Lines are at most `width` columns long. A single
// run gets one table with a row for each metric. Problems with files are listed below.
std::string runs_tables(const std::vector<runs::Run>& runs,
                        const std::vector<std::string>& metric_names,
                        const RunsTableOptions& options);

}  // namespace accelerate::launcher
