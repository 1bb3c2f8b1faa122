// Folders of training runs for tests, as trackers leave them.
//
// Example:
//   const std::string folder = runs::new_runs_folder();
//   runs::write_run(folder + "/first", {{"loss", {3, 2, 1}}}, R"({"lr": 0.1})");
//
// Not for what a tracker writes in particular: the tests of trackers look at that.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace accelerate::runs {

// Below the test's own one.
std::string new_runs_folder();

// Makes the folders above it as well.
void write_text(const std::string& path, const std::string& text);

// A config.json, begun at second 1000, and a metrics.jsonl with a line for each step from 1 on, ten
// seconds after one another.
void write_run(const std::string& path, const std::map<std::string, std::vector<double>>& metrics,
               const std::string& config = "{}");

}  // namespace accelerate::runs
