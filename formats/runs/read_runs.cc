#include "formats/runs/read_runs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/metrics/history.h"
#include "formats/metrics/jsonl_reader.h"
#include "formats/metrics/run_folder.h"
#include "formats/runs/curve.h"
#include "formats/tensorboard/event_file_name.h"
#include "formats/tensorboard/scalar_reader.h"
#include "nlohmann/json.hpp"

namespace accelerate::runs {
namespace {

namespace fs = std::filesystem;

// Runs lie in a folder or in groups there; what is deeper are their own files.
constexpr int kDeepest = 4;
// Of a config's values in one another; what nests deeper is one value.
constexpr int kMostLevels = 8;

// The settings in an object of config.json, those of an object in it behind its name and a dot.
void append_settings(const nlohmann::ordered_json& values, const std::string& prefix, int levels,
                     std::vector<Setting>& settings) {
  for (const auto& [name, value] : values.items()) {
    const std::string full_name = prefix + name;
    if (value.is_object() && !value.empty() && levels > 1) {
      append_settings(value, full_name + ".", levels - 1, settings);
    } else if (value.is_string()) {
      settings.emplace_back(full_name, value.get<std::string>());
    } else {
      using Handler = nlohmann::ordered_json::error_handler_t;
      settings.emplace_back(full_name, value.dump(-1, ' ', false, Handler::replace));
    }
  }
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

absl::StatusOr<metrics::History> read_history(const fs::path& folder) {
  const fs::path jsonl = folder / metrics::kJsonlFile;
  if (is_there(jsonl)) return metrics::read_jsonl(jsonl.string());
  return tensorboard::read_scalars(folder.string());
}

void take_config(const fs::path& folder, Run& run) {
  const fs::path path = folder / metrics::kConfigFile;
  if (!is_there(path)) return;
  const absl::StatusOr<metrics::RunConfig> config = metrics::read_run_config(path.string());
  if (!config.ok()) {
    run.remarks.emplace_back(config.status().message());
    return;
  }
  run.started_at = config->started_at;
  append_settings(config->values, "", kMostLevels, run.config);
}

bool is_time(double time) { return std::isfinite(time) && time > 0; }

// When the first of all points was logged; infinite where none says when.
double first_time_of(const metrics::History& history) {
  double first = std::numeric_limits<double>::infinity();
  for (const auto& [name, points] : history.series) {
    for (const metrics::Point& point : points) {
      if (is_time(point.time)) first = std::min(first, point.time);
    }
  }
  return first;
}

void take_history(metrics::History history, Run& run) {
  const double first_time = first_time_of(history);
  if (!is_time(run.started_at)) run.started_at = 0;
  // By a clock that was set back since, or in another unit.
  if (std::isfinite(first_time) && !(run.started_at > 0 && run.started_at <= first_time)) {
    run.started_at = first_time;
  }
  run.ended_at = run.started_at;
  for (auto& [name, points] : history.series) {
    if (points.empty()) continue;
    // Files of others may go back, which a curve cannot.
    std::stable_sort(points.begin(), points.end(),
                     [](const auto& left, const auto& right) { return left.step < right.step; });
    // A point that does not say when it was is of the time of the one before.
    double time = std::isfinite(first_time) ? first_time : run.started_at;
    for (metrics::Point& point : points) {
      point.time = time = is_time(point.time) ? point.time : time;
      run.ended_at = std::max(run.ended_at, point.time);
      run.last_step = std::max(run.last_step, point.step);
    }
    run.metrics.push_back(summarize(name, points));
  }
  run.remarks.insert(run.remarks.end(), history.remarks.begin(), history.remarks.end());
  if (run.metrics.empty()) {
    run.remarks.push_back(absl::StrCat(run.path, " has no values of metrics yet."));
  }
}

bool has_events(const fs::path& folder) {
  const absl::StatusOr<std::vector<std::string>> files =
      tensorboard::find_event_files(folder.string());
  return files.ok() && !files->empty();
}

bool is_run(const fs::path& folder) {
  if (is_there(folder / metrics::kJsonlFile) || has_events(folder)) return true;
  // A config.json alone may be anything's.
  const fs::path config = folder / metrics::kConfigFile;
  return is_there(config) && metrics::read_run_config(config.string()).ok();
}

Run read_run(const fs::path& folder, const std::string& name) {
  Run run = {.name = name, .path = folder.string()};
  take_config(folder, run);
  const bool has_metrics = is_there(folder / metrics::kJsonlFile) || has_events(folder);
  absl::StatusOr<metrics::History> history =
      has_metrics ? read_history(folder) : metrics::History();
  if (history.ok()) {
    take_history(*std::move(history), run);
  } else {
    run.remarks.emplace_back(history.status().message());
    run.ended_at = run.started_at;
  }
  return run;
}

// By the numbers in them as well: run-2 is before run-10.
bool is_before(const fs::path& left, const fs::path& right) {
  return strverscmp(left.c_str(), right.c_str()) < 0;
}

class Search {
 public:
  explicit Search(const fs::path& root) : root_(root) {}

  // `folder` and what is below it.
  void visit(const fs::path& folder, int depth) {
    std::error_code error;
    const fs::path place = fs::canonical(folder, error);
    if (error || !visited_.insert(place).second) return;
    if (is_run(folder)) runs_.push_back(read_run(folder, name_of(folder)));
    if (depth == kDeepest) return;
    std::vector<fs::path> folders, links;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code unknown;
      if (!entry->is_directory(unknown)) continue;
      (entry->is_symlink(unknown) ? links : folders).push_back(entry->path());
    }
    if (error) {
      // Its files may be open to those who know their names.
      const bool is_found = !runs_.empty() && runs_.back().path == folder.string();
      if (!is_found) runs_.push_back({.name = name_of(folder), .path = folder.string()});
      runs_.back().remarks.push_back(absl::StrCat(
          folder.string(), " cannot be read: ", error.message(), "; check its permissions."));
      return;
    }
    // A folder goes by its own name rather than by that of a link, such as `latest`.
    for (std::vector<fs::path>* each : {&folders, &links}) {
      std::sort(each->begin(), each->end(), is_before);
      for (const fs::path& path : *each) visit(path, depth + 1);
    }
  }

  std::vector<Run> take() {
    std::stable_sort(runs_.begin(), runs_.end(), [](const Run& left, const Run& right) {
      return is_before(left.name, right.name);
    });
    return std::move(runs_);
  }

 private:
  std::string name_of(const fs::path& folder) const {
    if (folder != root_) return folder.lexically_relative(root_).string();
    std::error_code error;
    const fs::path place = fs::canonical(folder, error);
    return error ? folder.string() : place.filename().string();
  }

  fs::path root_;
  std::set<fs::path> visited_;
  std::vector<Run> runs_;
};

}  // namespace

absl::StatusOr<std::vector<Run>> read_runs(const std::string& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": there is no such folder; correct the path."));
  }
  if (!error && !fs::is_directory(status)) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, " is not a folder; name the folder of a run, or the one that holds the runs."));
  }
  if (!error) fs::directory_iterator(folder, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(folder, " cannot be read: ", error.message(), "; check its permissions."));
  }
  Search search(folder);
  search.visit(folder, 0);
  std::vector<Run> runs = search.take();
  if (runs.empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder, ": there is no run in this folder, neither a metrics.jsonl nor event files of ",
        "TensorBoard; name the folder that a tracker writes to."));
  }
  return runs;
}

}  // namespace accelerate::runs
