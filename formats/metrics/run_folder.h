// The folder of a training run, `FOLDER/NAME`, in which trackers keep what it has logged, and its
// config.json: what the run is called, when it began, and the settings it was started with.
//
// Example:
//   const metrics::RunConfig config = {.name = "first", .started_at = 1764460000.5,
//                                      .values = {{"lr", 0.1}, {"layers", 12}}};
//   const absl::StatusOr<std::string> name = metrics::claim_run("runs", config);
//   if (!name.ok()) return fail(name.status());
//   std::cout << "see runs/" << *name << "\n";
//
// Not for checkpoints, which have folders of their own.
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
  // An object, in the order in which the program gave its members.
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
};

// NotFound and so on where the file cannot be read, InvalidArgument where it is of another form.
absl::StatusOr<RunConfig> read_run_config(const std::string& path);

// InvalidArgument where it cannot be the name of a run, as it is none of a folder.
absl::Status check_run_name(const std::string& name);

// Makes a folder for a new run and writes its config.json: `folder/NAME`, or `folder/NAME-2` and so
// on where there is such a run already, also one of others with metrics and no config.json. Returns
// the name that it got. Of several processes that do so at once, each gets a folder of its own.
absl::StatusOr<std::string> claim_run(const std::string& folder, const RunConfig& config);

}  // namespace accelerate::metrics
