#include "accelerate/report/report_page.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accelerate/report/figure_text.h"
#include "launcher/text/human_size.h"

namespace accelerate::internal {
namespace {

// Colours that people tell apart who see colours otherwise (Okabe and Ito).
constexpr std::array<const char*, kNumPhases> kColours = {"#e69f00", "#0072b2", "#f0e442",
                                                          "#56b4e9", "#d55e00", "#009e73",
                                                          "#cc79a7", "#999999", "#000000"};

constexpr const char* kStyle = R"(
  :root { color-scheme: light dark; --line: #8884; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.3rem; font-weight: 600; }
  .figures { display: flex; flex-wrap: wrap; gap: 0.5rem 2.5rem; margin: 1rem 0 1.5rem; }
  .figures b { display: block; font-size: 1.5rem; font-weight: 600; }
  .bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0.4rem 0.8rem; }
  .legend span { display: inline-block; margin-right: 1.2rem; }
  .legend i { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; border-radius: 2px; }
  .bar { display: flex; height: 1.4rem; border-radius: 3px; overflow: hidden; }
  table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; font-variant-numeric: tabular-nums; }
  th, td { text-align: right; white-space: nowrap; padding: 0.25rem 0.5rem; border-bottom: 1px solid var(--line); }
  th:first-child, td:first-child { text-align: left; }
  caption { text-align: left; padding: 0.25rem 0.5rem; }
  .scroll { overflow-x: auto; }
)";

Phase phase_at(size_t index) { return static_cast<Phase>(index); }

std::string figure(const std::string& value, const char* name) {
  return absl::StrCat("<div><b>", value, "</b>", name, "</div>");
}

double per_step(const MeasuredSteps& measured, size_t phase) {
  return measured.steps > 0 ? measured.seconds.at(phase) / static_cast<double>(measured.steps) : 0;
}

}  // namespace

std::string page_of(const RunReport& report) {
  std::ostringstream page;
  page << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
       << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
       << "<title>Where the time goes</title><style>" << kStyle << "</style></head><body>\n"
       << "<h1>Where the time goes</h1>\n<div class=\"figures\">";
  page << figure(time_text(report.step_seconds()), "a step");
  if (report.samples_per_second() > 0)
    page << figure(count_text(report.samples_per_second()), "samples per second");
  if (report.tokens_per_second() > 0)
    page << figure(count_text(report.tokens_per_second()), "tokens per second");
  if (report.flops_per_second() > 0) {
    page << figure(count_text(report.flops_per_second()) + "FLOP/s", "of matrix products");
    page << figure(absl::StrFormat("%.1f %%", 100 * report.share_of_peak()),
                   report.is_peak_measured ? "of a matrix product's speed" : "of the peak");
  }
  if (report.goodput > 0)
    page << figure(absl::StrFormat("%.1f %%", 100 * report.goodput), "of all time in steps");
  page << "</div>\n<p class=\"legend\">";
  double longest = 0;
  std::array<bool, kNumPhases> is_seen = {};
  for (const RankReport& rank : report.ranks) {
    double total = 0;
    for (size_t i = 0; i < kNumPhases; ++i) {
      total += per_step(rank.measured, i);
      is_seen.at(i) = is_seen.at(i) || per_step(rank.measured, i) > 0;
    }
    longest = std::max(longest, total);
  }
  for (size_t i = 0; i < kNumPhases; ++i)
    if (is_seen.at(i))
      page << "<span><i style=\"background:" << kColours.at(i) << "\"></i>"
           << to_string(phase_at(i)) << "</span>";
  page << "</p>\n<div class=\"bars\">\n";
  for (size_t r = 0; r < report.ranks.size(); ++r) {
    page << "<span>rank " << r << "</span><div class=\"bar\">";
    double total = 0;
    for (size_t i = 0; i < kNumPhases; ++i) {
      const double seconds = per_step(report.ranks[r].measured, i);
      total += seconds;
      if (seconds > 0)
        page << absl::StrFormat("<div title=\"%s\" style=\"width:%.2f%%;background:%s\"></div>",
                                to_string(phase_at(i)), 100 * seconds / longest, kColours.at(i));
    }
    page << "</div><span>" << time_text(total) << "</span>\n";
  }
  page << "</div>\n<div class=\"scroll\"><table>"
       << "<caption>A step in milliseconds, and the peak memory</caption>"
       << "<tr><th>rank</th>";
  for (size_t i = 0; i < kNumPhases; ++i)
    if (is_seen.at(i)) page << "<th>" << to_string(phase_at(i)) << "</th>";
  page << "<th>memory</th></tr>\n";
  for (size_t r = 0; r < report.ranks.size(); ++r) {
    const RankReport& rank = report.ranks[r];
    page << "<tr><td>" << r << "</td>";
    for (size_t i = 0; i < kNumPhases; ++i)
      if (is_seen.at(i)) page << absl::StrFormat("<td>%.3f</td>", 1e3 * per_step(rank.measured, i));
    page << "<td>" << launcher::human_size(rank.peak_memory) << "</td></tr>\n";
  }
  page << "</table></div>\n</body></html>\n";
  return page.str();
}

}  // namespace accelerate::internal
