#include "launcher/cli/runs_table.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "launcher/cli/box_table.h"
#include "launcher/cli/sparkline.h"
#include "launcher/names/help_text.h"
#include "launcher/text/columns.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

using runs::Metric;
using runs::Run;

constexpr std::size_t kWidestSetting = 16;
constexpr std::size_t kWidestCurve = 40;
constexpr std::size_t kNarrowestCurve = 8;

struct Column {
  std::string header;
  std::vector<std::string> cells = {};
  BoxAlignment alignment = BoxAlignment::kRight;
};

// Fit for a cell of this many columns.
std::string cell(const std::string& text, std::size_t longest, const RunsTableOptions& options) {
  std::string shown = plain(text);
  if (options.is_ascii) {
    std::string letters;
    for (const char byte : shown) {
      const auto code = static_cast<unsigned char>(byte);
      if (code < 0x80) letters += byte;
      if (code >= 0xC0) letters += '?';
    }
    shown = letters;
  }
  const auto limit = static_cast<int>(std::min<std::size_t>(longest, INT_MAX));
  if (columns_of(shown) <= limit) return shown;
  return absl::StrCat(clipped(shown, limit - 1), options.is_ascii ? "~" : "…");
}

std::string number(double value) {
  const double size = std::abs(value);
  return size >= 1e5 && size < 1e9 ? absl::StrFormat("%.0f", value)
                                   : absl::StrFormat("%.5g", value);
}

// As it is, unless it is so long that nothing else has room.
std::string whole_number(std::int64_t value) {
  const std::string digits = absl::StrCat(value);
  return digits.size() > 12 ? number(static_cast<double>(value)) : digits;
}

// A number that is cut off would be another one.
std::string setting(const std::string& value, const RunsTableOptions& options) {
  double parsed = 0;
  const bool is_cut_number = value.size() > kWidestSetting && absl::SimpleAtod(value, &parsed);
  return is_cut_number ? number(parsed) : cell(value, kWidestSetting, options);
}

std::string duration(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "-";
  if (seconds < 10) return absl::StrFormat("%.2g s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0) return absl::StrCat(days, " d ", hours % 24, " h");
  if (hours > 0) return absl::StrCat(hours, " h ", minutes % 60, " min");
  if (minutes > 0) return absl::StrCat(minutes, " min ", whole % 60, " s");
  return absl::StrCat(whole, " s");
}

std::size_t width_of(const Column& column) {
  int width = columns_of(column.header);
  for (const std::string& text : column.cells) width = std::max(width, columns_of(text));
  return static_cast<std::size_t>(width);
}

// With the frame, and a space on either side of each cell.
std::size_t width_of(const std::vector<Column>& columns) {
  std::size_t width = 1;
  for (const Column& column : columns) width += width_of(column) + 3;
  return width;
}

// Of the names in front: a third of the width, or what the others leave of it.
std::size_t longest_name(const std::vector<Column>& others, std::size_t width) {
  const std::size_t taken = width_of(others) + 3;
  return std::clamp<std::size_t>(width > taken ? width - taken : 0, 1, width / 3);
}

std::string table(const std::string& title, const std::vector<Column>& columns,
                  const RunsTableOptions& options) {
  const auto padded = [](const std::string& text) { return absl::StrCat(" ", text, " "); };
  BoxTableStyle style = {.is_ascii = options.is_ascii};
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows(columns.front().cells.size());
  for (const Column& column : columns) {
    headers.push_back(padded(column.header));
    style.columns.push_back(column.alignment);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(padded(column.cells[i]));
  }
  // The title has a space on either side, and the frame.
  const auto longest = static_cast<std::size_t>(options.width) - 4;
  return box_table(cell(title, longest, options), headers, rows, style);
}

// ---- the table of runs

std::string runs_table(const std::vector<Run>& runs, const RunsTableOptions& options) {
  const auto width = static_cast<std::size_t>(options.width);
  Column names = {.header = "run", .alignment = BoxAlignment::kLeft};
  Column steps = {.header = "steps"}, times = {.header = "time taken"};
  for (const Run& run : runs) {
    steps.cells.push_back(whole_number(run.last_step));
    times.cells.push_back(duration(run.ended_at - run.started_at));
  }
  const std::size_t longest = longest_name({steps, times}, width);
  for (const Run& run : runs) names.cells.push_back(cell(run.name, longest, options));
  std::vector<Column> columns = {names, steps, times};
  std::vector<std::string> left_out;
  for (const std::string& name : runs::differing_settings(runs)) {
    Column settings = {.header = cell(name, kWidestSetting, options)};
    for (const Run& run : runs) {
      const std::string* value = runs::find_setting(run, name);
      settings.cells.push_back(value == nullptr ? "-" : setting(*value, options));
    }
    columns.push_back(settings);
    if (width_of(columns) <= width) continue;
    columns.pop_back();
    left_out.push_back(cell(name, std::string::npos, options));
  }
  std::string text = table("Runs", columns, options);
  if (!left_out.empty()) {
    absl::StrAppend(&text,
                    wrapped(absl::StrCat("These settings differ too, and are shown by --json and "
                                         "--html: ",
                                         absl::StrJoin(left_out, ", ")),
                            options.width),
                    "\n");
  }
  return text;
}

// ---- tables of metrics

struct Row {
  std::string name;
  const Metric* metric = nullptr;
};

// One for all of these rows.
SparklineScale scale_of(const std::vector<Row>& rows) {
  SparklineScale scale = {.first_step = std::numeric_limits<std::int64_t>::max(),
                          .last_step = std::numeric_limits<std::int64_t>::min(),
                          .lowest = std::numeric_limits<double>::infinity(),
                          .highest = -std::numeric_limits<double>::infinity()};
  for (const Row& row : rows) {
    scale.first_step = std::min(scale.first_step, row.metric->curve.front().step);
    scale.last_step = std::max(scale.last_step, row.metric->curve.back().step);
    for (const runs::CurveColumn& column : row.metric->curve) {
      if (std::isnan(column.mean)) continue;
      scale.lowest = std::min(scale.lowest, column.mean);
      scale.highest = std::max(scale.highest, column.mean);
    }
  }
  return scale;
}

// A row for each metric, or for each run that has the metric. With one scale the curves are
// comparable.
std::string metrics_table(const std::string& title, const std::string& first_header,
                          const std::vector<Row>& rows, bool has_one_scale,
                          const RunsTableOptions& options) {
  const auto width = static_cast<std::size_t>(options.width);
  Column names = {.header = first_header, .alignment = BoxAlignment::kLeft};
  Column last = {.header = "last"}, best = {.header = "best"}, at = {.header = "at step"};
  Column curves = {.header = "curve", .alignment = BoxAlignment::kLeft};
  for (const Row& row : rows) {
    last.cells.push_back(number(row.metric->last.value));
    const std::optional<metrics::Point>& point = row.metric->best();
    best.cells.push_back(point.has_value() ? number(point->value) : "-");
    at.cells.push_back(point.has_value() ? whole_number(point->step) : "-");
  }
  const std::size_t longest = longest_name({last, best}, width);
  for (const Row& row : rows) names.cells.push_back(cell(row.name, longest, options));
  std::vector<Column> columns = {names, last, best, at};
  // What a narrow terminal has no room for is left out, the step of the best value first.
  constexpr std::size_t kFrame = 3;
  if (width_of(columns) + kNarrowestCurve + kFrame > width) columns.pop_back();
  if (width_of(columns) + kNarrowestCurve + kFrame <= width) {
    const std::size_t room = std::min(width - width_of(columns) - kFrame, kWidestCurve);
    const SparklineScale scale = scale_of(rows);
    const std::string header =
        absl::StrCat("curve, ", number(scale.lowest), " to ", number(scale.highest));
    const bool says_scale = has_one_scale && scale.lowest <= scale.highest && header.size() <= room;
    if (says_scale) curves.header = header;
    for (const Row& row : rows) {
      curves.cells.push_back(
          sparkline(row.metric->curve, has_one_scale ? scale : scale_of({row}),
                    {.width = static_cast<int>(room), .is_ascii = options.is_ascii}));
    }
    columns.push_back(curves);
  }
  return table(title, columns, options);
}

std::string metric_title(const std::string& name, const std::vector<Row>& rows) {
  return absl::StrCat(name, rows.front().metric->higher_is_better ? " (the highest is best)"
                                                                  : " (the lowest is best)");
}

// What to know about a run besides its figures.
std::string remarks_of(const Run& run, const std::vector<std::string>& metric_names) {
  std::string text;
  for (const std::string& name : metric_names) {
    const Metric* metric = runs::find_metric(run, name);
    if (metric == nullptr || !metric->first_non_finite.has_value()) continue;
    const metrics::Point& first = *metric->first_non_finite;
    absl::StrAppend(&text, plain(run.name), ": ", plain(name), " was ", number(first.value),
                    " at step ", first.step, ", for the first time.\n");
  }
  for (const std::string& remark : run.remarks) absl::StrAppend(&text, plain(remark), "\n");
  return text;
}

}  // namespace

std::string runs_tables(const std::vector<Run>& runs, const std::vector<std::string>& metric_names,
                        const RunsTableOptions& options) {
  std::string text;
  if (runs.size() == 1) {
    const Run& run = runs.front();
    std::vector<Row> rows;
    for (const std::string& name : metric_names) {
      const Metric* metric = runs::find_metric(run, name);
      if (metric != nullptr) rows.push_back({.name = name, .metric = metric});
    }
    const std::string title = absl::StrCat(run.name, ": ", run.last_step, " steps in ",
                                           duration(run.ended_at - run.started_at));
    if (!rows.empty()) text = metrics_table(title, "metric", rows, false, options);
  } else {
    text = runs_table(runs, options);
    for (const std::string& name : metric_names) {
      std::vector<Row> rows;
      for (const Run& run : runs) {
        const Metric* metric = runs::find_metric(run, name);
        if (metric != nullptr) rows.push_back({.name = run.name, .metric = metric});
      }
      if (rows.empty()) continue;
      absl::StrAppend(&text, metrics_table(metric_title(name, rows), "run", rows, true, options));
    }
  }
  for (const Run& run : runs) absl::StrAppend(&text, remarks_of(run, metric_names));
  return text;
}

}  // namespace accelerate::launcher
