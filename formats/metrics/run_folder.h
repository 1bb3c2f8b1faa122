// The folder of a training run, `FOLDER/NAME`, in which trackers keep what it has logged, and its
// config.json: the name of the run, when it began, and its settings.
//
// Example:
//   const metrics::RunConfig config = {.name = "first", .started_at = 1764460000.5,
//                                      .values = {{"lr", 0.1}, {"layers", 12}}};
//   const absl::StatusOr<std::string> name = metrics::claim_run("runs", config);
//   if (!name.ok()) return fail(name.status());
//   std::cout << "see runs/" << *name << "\n";
//
// Not for checkpoints, which have their own folders.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace accelerate::metrics {

// The files of a run.
inline constexpr char kConfigFile[] = "config.json";
inline constexpr char kJsonlFile[] = "metrics.jsonl";
inline constexpr char kCsvFile[] = "metrics.csv";

// {"name": "first", "started_at": 1764460000.5, "config": {"lr": 0.1, "layers": 12}}
struct RunConfig {
  std::string name = {};
  // Seconds since 1970.
  double started_at = 0;
  // An object whose members are in the order in which the program gave them.
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
};

// NotFound and so on if the file cannot be read, InvalidArgument if it has another form.
absl::StatusOr<RunConfig> read_run_config(const std::string& path);

// InvalidArgument if it cannot be the name of a run, because it cannot be the name of a folder.
absl::Status check_run_name(const std::string& name);

// Creates a folder for a new run and writes its config.json: `folder/NAME`, or `folder/NAME-2` and
// so on if there is such a run already, even one with metrics but no config.json. Returns the name
// of the run. Several processes that call it at the same time get different folders.
absl::StatusOr<std::string> claim_run(const std::string& folder, const RunConfig& config);

}  // namespace accelerate::metrics
