// Folders of training runs for tests, as trackers write them.
//
// Example:
//   const std::string folder = runs::new_runs_folder();
//   runs::write_run(folder + "/first", {{"loss", {3, 2, 1}}}, R"({"lr": 0.1})");
//
// Not for checking what a certain tracker writes: the tests of trackers do that.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace accelerate::runs {

// Creates a new folder below the test's temporary folder.
std::string new_runs_folder();

// Writes a file. Also creates the folders above it.
void write_text(const std::string& path, const std::string& text);

// Writes a config.json of a run that began at second 1000, and a metrics.jsonl with a line every
// ten seconds for the steps from 1 on.
void write_run(const std::string& path, const std::map<std::string, std::vector<double>>& metrics,
               const std::string& config = "{}");

}  // namespace accelerate::runs
