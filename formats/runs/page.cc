#include "formats/runs/page.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "formats/runs/curve.h"
#include "formats/runs/run_json.h"
#include "nlohmann/json.hpp"

namespace accelerate::runs {
namespace {

using nlohmann::ordered_json;

// Made of the files of the same names by the build.
constexpr absl::string_view kHtml =
#include "formats/runs/page/page.html.inc"
    ;
constexpr absl::string_view kCss =
#include "formats/runs/page/page.css.inc"
    ;
constexpr absl::string_view kScript =
#include "formats/runs/page/page.js.inc"
    ;

// With the digits that a chart can show, which keeps the page small. What is not finite becomes
// null in JSON.
double rounded(double value) {
  return std::isfinite(value) ? std::strtod(absl::StrFormat("%.7g", value).c_str(), nullptr)
                              : value;
}

// Of all curves together, some 100 MB of text: a browser has to read them all.
constexpr std::size_t kMostColumnsInAll = 2'000'000;
constexpr std::size_t kFewestColumns = 2;

// How many each curve may have.
std::size_t columns_for(const std::vector<Run>& runs) {
  std::size_t curves = 1;
  for (const Run& run : runs) curves += run.metrics.size();
  return std::max(kMostColumnsInAll / curves, kFewestColumns);
}

// A list for each member of the columns. The lowest and the highest are left out where each column
// has one value only.
ordered_json curve_of(const Run& run, const Metric& metric, std::size_t most_columns) {
  const std::vector<CurveColumn> columns = with_fewer_columns(metric.curve, most_columns);
  const bool has_one_each = metric.points == static_cast<std::int64_t>(columns.size());
  ordered_json steps = ordered_json::array(), seconds = ordered_json::array();
  ordered_json means = ordered_json::array(), non_finite = ordered_json::array();
  ordered_json lowest = ordered_json::array(), highest = ordered_json::array();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const CurveColumn& column = columns[i];
    steps.push_back(column.step);
    seconds.push_back(std::round((column.time - run.started_at) * 1000) / 1000);
    means.push_back(rounded(column.mean));
    if (column.has_non_finite) non_finite.push_back(i);
    if (has_one_each) continue;
    lowest.push_back(rounded(column.lowest));
    highest.push_back(rounded(column.highest));
  }
  ordered_json curve = {
      {"steps", steps}, {"seconds", seconds}, {"means", means}, {"nonFinite", non_finite}};
  if (!has_one_each) {
    curve["lowest"] = lowest;
    curve["highest"] = highest;
  }
  return curve;
}

// A text of JSON that a script element may hold: nothing in it begins a tag or a comment.
std::string harmless(const ordered_json& data) {
  using Handler = ordered_json::error_handler_t;
  return absl::StrReplaceAll(data.dump(-1, ' ', /*ensure_ascii=*/true, Handler::replace),
                             {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

}  // namespace

std::string page(const std::string& folder, const std::vector<Run>& runs) {
  ordered_json data = {{"folder", folder}, {"runs", ordered_json::array()}};
  const std::size_t most_columns = columns_for(runs);
  for (const Run& run : runs) {
    ordered_json each = to_json(run);
    // Both in the order of the names, which to_json() keeps.
    auto shown = each["metrics"].begin();
    for (const Metric& metric : run.metrics)
      (*shown++)["curve"] = curve_of(run, metric, most_columns);
    data["runs"].push_back(std::move(each));
  }
  return absl::StrReplaceAll(
      kHtml, {{"{{style}}", kCss}, {"{{script}}", kScript}, {"{{data}}", harmless(data)}});
}

}  // namespace accelerate::runs
