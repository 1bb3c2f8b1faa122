#include "launcher/cli/runs_command.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/files/atomic_file.h"
#include "formats/runs/page.h"
#include "formats/runs/read_runs.h"
#include "formats/runs/run.h"
#include "formats/runs/run_json.h"
#include "launcher/cli/command.h"
#include "launcher/cli/runs_table.h"
#include "launcher/env/locale.h"
#include "launcher/names/help_text.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/printable.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using runs::Metric;
using runs::Run;

constexpr char kByName[] = "name";
constexpr char kBySteps[] = "steps";
constexpr char kByTime[] = "time";

const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "runs",
      .description =
          "Compares training runs by what they have logged: last and best values of each metric, "
          "curves, time from the start to the last value, and the settings that differ. The best "
          "value is the lowest one; for accuracies, scores and speeds it is the highest.",
      .positionals = {{.name = "FOLDER",
                       .help = "A folder with runs, or the folder of one run, which has a "
                               "metrics.jsonl or TensorBoard's event files."}},
      .flags = {
          {.name = "metric",
           .value_name = "METRIC",
           .repeated = true,
           .help = "Show only this one; may be given several times (all)."},
          {.name = "sort",
           .value_name = "KEY",
           .help = "Order of the runs: name, steps (most first), time (shortest first), or a "
                   "metric (best first) (name)."},
          {.name = "higher_is_better",
           .value_name = "METRIC",
           .repeated = true,
           .help = "For this metric the highest value is the best; may be given several times."},
          {.name = "json", .help = "Print JSON, for scripts."},
          {.name = "html",
           .value_name = "FILE",
           .help = "Write a page with charts for a browser as well, such as runs.html."}}};
  return syntax;
}

absl::Status check_metric(const std::string& flag, const std::string& word,
                          const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), word) != names.end()) return absl::OkStatus();
  if (names.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": no run has logged a metric; leave the flag out."));
  }
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", printable(word),
                                                 " is not a metric of these runs; ",
                                                 suggestion(word, names)));
}

// Where it is said which metrics to show, without the others.
absl::Status keep_metrics(const std::vector<std::string>& names, std::vector<Run>& runs) {
  const std::vector<std::string> known = runs::metric_names(runs);
  for (const std::string& name : names) {
    const absl::Status status = check_metric("metric", name, known);
    if (!status.ok()) return status;
  }
  for (Run& run : runs) {
    const auto is_left_out = [&names](const Metric& metric) {
      return std::find(names.begin(), names.end(), metric.name) == names.end();
    };
    run.metrics.erase(std::remove_if(run.metrics.begin(), run.metrics.end(), is_left_out),
                      run.metrics.end());
  }
  return absl::OkStatus();
}

absl::Status turn_metrics(const std::vector<std::string>& names, std::vector<Run>& runs) {
  const std::vector<std::string> known = runs::metric_names(runs);
  for (const std::string& name : names) {
    const absl::Status status = check_metric("higher_is_better", name, known);
    if (!status.ok()) return status;
    for (Run& run : runs) {
      for (Metric& metric : run.metrics) {
        if (metric.name == name) metric.higher_is_better = true;
      }
    }
  }
  return absl::OkStatus();
}

// What a run is sorted by, the lowest first; nothing comes last. NaN has no place in an order.
std::optional<double> rank_of(const Run& run, const std::string& key) {
  if (key == kBySteps) return -static_cast<double>(run.last_step);
  if (key == kByTime) {
    const double seconds = run.ended_at - run.started_at;
    return std::isfinite(seconds) ? std::optional(seconds) : std::nullopt;
  }
  const Metric* metric = runs::find_metric(run, key);
  if (metric == nullptr || !metric->best().has_value()) return std::nullopt;
  return metric->higher_is_better ? -metric->best()->value : metric->best()->value;
}

absl::Status sort_runs(const std::string& key, std::vector<Run>& runs) {
  if (key == kByName) return absl::OkStatus();  // As they are.
  std::vector<std::string> keys = {kByName, kBySteps, kByTime};
  const std::vector<std::string> names = runs::metric_names(runs);
  keys.insert(keys.end(), names.begin(), names.end());
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--sort: ", printable(key), " is neither a metric of these runs nor name, steps or time; ",
        suggestion(key, keys)));
  }
  std::stable_sort(runs.begin(), runs.end(), [&key](const Run& left, const Run& right) {
    const std::optional<double> one = rank_of(left, key), other = rank_of(right, key);
    return one.has_value() && (!other.has_value() || *one < *other);
  });
  return absl::OkStatus();
}

// A mistyped name must not replace a file of a run.
absl::Status check_page_name(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".html") || absl::EndsWithIgnoreCase(path, ".htm")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--html: \"", path, "\" does not end in .html; name the page to write, such as runs.html."));
}

absl::Status write_page(const std::string& path, const std::string& folder,
                        const std::vector<Run>& runs) {
  absl::StatusOr<AtomicFile> file =
      AtomicFile::create(path, {.overwrite = true, .is_named_by_user = true});
  if (!file.ok()) return file.status();
  const absl::Status status = file->append(runs::page(folder, runs));
  return status.ok() ? file->commit() : status;
}

std::string to_json(const std::string& folder, const std::vector<Run>& runs) {
  using nlohmann::ordered_json;
  ordered_json document = {{"folder", folder}, {"runs", ordered_json::array()}};
  for (const Run& run : runs) document["runs"].push_back(runs::to_json(run));
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

absl::Status compare(const Arguments& arguments, const Console& console) {
  const std::string& folder = arguments.positionals[0];
  const std::optional<std::string> html = arguments.value("html");
  absl::Status status = html.has_value() ? check_page_name(*html) : absl::OkStatus();
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<Run>> found = runs::read_runs(folder);
  if (!found.ok()) return found.status();
  std::vector<Run> runs = *std::move(found);
  std::vector<std::string> metrics = arguments.values("metric");
  status = turn_metrics(arguments.values("higher_is_better"), runs);
  if (status.ok()) status = sort_runs(arguments.value("sort").value_or(kByName), runs);
  if (status.ok() && !metrics.empty()) status = keep_metrics(metrics, runs);
  if (!status.ok()) return status;
  if (metrics.empty()) metrics = runs::metric_names(runs);

  if (arguments.has("json")) {
    console.output << to_json(folder, runs) << "\n";
  } else {
    console.output << runs_tables(runs, metrics,
                                  {.width = help_width(), .is_ascii = !shows_utf8()});
  }
  if (!html.has_value()) return absl::OkStatus();
  status = write_page(*html, folder, runs);
  if (status.ok() && !arguments.has("json")) {
    console.output << plain(*html) << ": the page with charts; open it in a browser.\n";
  }
  return status;
}

}  // namespace

int run_runs(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    return compare(arguments, console);
  });
}

}  // namespace accelerate::launcher
