// Training runs side by side in a terminal: a table of the runs, and one for each metric.
//
// Example:
//   const absl::StatusOr<std::vector<runs::Run>> found = runs::read_runs("runs");
//   if (!found.ok()) return fail(found.status());
//   std::cout << runs_tables(*found, {"loss"}, {.width = help_width()});
//
// Not for programs to read: they have `accelerate runs --json`.
#pragma once

#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::launcher {

struct RunsTableOptions {
  int width = 80;         // In columns, at least 40.
  bool is_ascii = false;  // For terminals that do not show UTF-8.
};

// Of the metrics that are named, in this order. Lines are at most as long as the width. Of one run
// alone there is a single table with a row for each metric. What is wrong with files stands below.
std::string runs_tables(const std::vector<runs::Run>& runs,
                        const std::vector<std::string>& metric_names,
                        const RunsTableOptions& options);

}  // namespace accelerate::launcher
