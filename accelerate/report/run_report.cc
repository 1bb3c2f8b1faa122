#include "accelerate/report/run_report.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "accelerate/report/figure_text.h"
#include "accelerate/report/report_page.h"
#include "formats/files/atomic_file.h"
#include "launcher/text/human_size.h"

namespace accelerate {
namespace {

using internal::count_text;
using internal::time_text;

constexpr std::array kPhases = {Phase::kData,     Phase::kForward,       Phase::kEvaluation,
                                Phase::kBackward, Phase::kCommunication, Phase::kOptimizer,
                                Phase::kCaptured, Phase::kOther};

double seconds_of(const RankReport& rank, Phase phase) {
  const MeasuredSteps& measured = rank.measured;
  return measured.steps > 0
             ? measured.seconds.at(static_cast<size_t>(phase)) / static_cast<double>(measured.steps)
             : 0;
}
double step_seconds_of(const RankReport& rank) {
  return rank.measured.steps > 0
             ? rank.measured.total_seconds() / static_cast<double>(rank.measured.steps)
             : 0;
}

// What is a rank's own, without what it waits for others: the slow one is not seen in the step's
// time, which is the same for all.
double own_seconds_of(const RankReport& rank) {
  return step_seconds_of(rank) - seconds_of(rank, Phase::kCommunication);
}
double median_own_of(const RankReport& rank) { return rank.measured.median_own; }

// Over the ranks that have measured steps, as each decides whether it does.
template <class Value>
double mean_over(const std::vector<RankReport>& ranks, Value&& value) {
  double sum = 0;
  int64_t count = 0;
  for (const RankReport& rank : ranks) {
    if (rank.measured.steps == 0) continue;
    sum += value(rank);
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}
double mean_over(const std::vector<RankReport>& ranks, double MeasuredSteps::*value) {
  return mean_over(ranks, [value](const RankReport& rank) { return rank.measured.*value; });
}

// The rank that has most of it, where that is clearly more than the mean.
template <class Value>
std::optional<size_t> far_above_mean(const std::vector<RankReport>& ranks, Value&& value) {
  const auto most = std::max_element(ranks.begin(), ranks.end(), [&](const auto& a, const auto& b) {
    return value(a) < value(b);
  });
  if (most == ranks.end() || value(*most) <= 1.1 * mean_over(ranks, value)) return std::nullopt;
  return static_cast<size_t>(most - ranks.begin());
}

// By the median, as one long pause makes no rank slow; then what the mean shows beside that.
std::string slow_rank_text(const std::vector<RankReport>& ranks) {
  if (const auto rank = far_above_mean(ranks, median_own_of))
    return absl::StrFormat(
        "  rank %d is slow: its own work takes %s in the median step, and the mean of all ranks is "
        "%s\n",
        *rank, time_text(median_own_of(ranks[*rank])), time_text(mean_over(ranks, median_own_of)));
  if (const auto rank = far_above_mean(ranks, own_seconds_of))
    return absl::StrFormat(
        "  rank %d was slow in some steps: its own work takes %s on average, but %s in the median "
        "step\n",
        *rank, time_text(own_seconds_of(ranks[*rank])), time_text(median_own_of(ranks[*rank])));
  return "";
}

}  // namespace

double RunReport::step_seconds() const { return mean_over(ranks, step_seconds_of); }

double RunReport::phase_seconds(Phase phase) const {
  return mean_over(ranks, [phase](const RankReport& rank) { return seconds_of(rank, phase); });
}

double RunReport::samples_per_second() const {
  // Each rank counts what all have had.
  return mean_over(ranks, [](const RankReport& rank) {
    const double seconds = rank.measured.total_seconds();
    return seconds > 0 ? static_cast<double>(rank.measured.samples) / seconds : 0;
  });
}

double RunReport::tokens_per_second() const { return samples_per_second() * tokens_per_sample; }

double RunReport::flops_per_second() const {
  double sum = 0;
  for (const RankReport& rank : ranks)
    if (const double seconds = step_seconds_of(rank); seconds > 0)
      sum += rank.measured.flops_per_step / seconds;
  return sum;
}

double RunReport::share_of_peak() const {
  double peak = 0;
  for (const RankReport& rank : ranks)
    if (rank.measured.steps > 0) peak += rank.peak_flops;
  return peak > 0 ? flops_per_second() / peak : 0;
}

std::map<std::string, double> RunReport::values() const {
  std::map<std::string, double> values;
  for (const Phase phase : kPhases)
    values[absl::StrCat("time/", to_string(phase))] = phase_seconds(phase);
  values["time/step"] = step_seconds();
  const auto set = [&values](const char* name, double value) {
    if (value > 0) values[name] = value;
  };
  set("samples_per_second", samples_per_second());
  set("tokens_per_second", tokens_per_second());
  set("flops_per_second", flops_per_second());
  set("share_of_peak", share_of_peak());
  set("goodput", goodput);
  double memory = 0;
  for (const RankReport& rank : ranks)
    memory = std::max(memory, static_cast<double>(rank.peak_memory));
  set("peak_memory", memory);
  return values;
}

void RunReport::save_page(const std::string& path) const {
  absl::StatusOr<AtomicFile> file =
      AtomicFile::create(path, {.overwrite = true, .is_named_by_user = true});
  absl::Status status = file.status();
  if (status.ok()) status = file->append(internal::page_of(*this));
  if (status.ok()) status = file->commit();
  TORCH_CHECK(status.ok(),
              "the report's page could not be written: ", std::string(status.message()));
}

std::ostream& operator<<(std::ostream& out, const RunReport& report) {
  if (report.ranks.empty() || report.ranks[0].measured.steps == 0)
    return out
           << "no step has been measured; call measure_steps() before the training, and report() "
              "after its second step\n";
  const double step = report.step_seconds();
  double longest = 0;
  for (const RankReport& rank : report.ranks)
    longest = std::max(longest, rank.measured.longest_step);
  out << absl::StrFormat(
      "%d steps of %s (median %s, longest %s; the first one %s)\n", report.ranks[0].measured.steps,
      time_text(step), time_text(mean_over(report.ranks, &MeasuredSteps::median_step)),
      time_text(longest), time_text(mean_over(report.ranks, &MeasuredSteps::first_step_seconds)));
  for (const Phase phase : kPhases) {
    const double seconds = report.phase_seconds(phase);
    if (seconds == 0) continue;
    out << absl::StrFormat("  %-14s %10s  %5.1f %%", to_string(phase), time_text(seconds),
                           100 * seconds / step);
    if (report.ranks.size() > 1) {
      const auto [least, most] = std::minmax_element(
          report.ranks.begin(), report.ranks.end(), [phase](const auto& a, const auto& b) {
            return seconds_of(a, phase) < seconds_of(b, phase);
          });
      out << absl::StrFormat("   %s (rank %d) to %s (rank %d)",
                             time_text(seconds_of(*least, phase)), least - report.ranks.begin(),
                             time_text(seconds_of(*most, phase)), most - report.ranks.begin());
    }
    out << "\n";
  }
  out << slow_rank_text(report.ranks);
  std::vector<std::string> rates;
  if (report.samples_per_second() > 0)
    rates.push_back(count_text(report.samples_per_second()) + " samples/s");
  if (report.tokens_per_second() > 0)
    rates.push_back(count_text(report.tokens_per_second()) + " tokens/s");
  if (report.flops_per_second() > 0) {
    rates.push_back(count_text(report.flops_per_second()) + "FLOP/s");
    rates.push_back(absl::StrFormat("%.1f %% of the peak%s", 100 * report.share_of_peak(),
                                    report.is_peak_measured ? " of a matrix product here" : ""));
  }
  if (!rates.empty()) out << absl::StrJoin(rates, ", ") << "\n";
  int64_t memory = 0;
  for (const RankReport& rank : report.ranks) memory = std::max(memory, rank.peak_memory);
  out << "at most " << launcher::human_size(memory) << " of memory on a rank";
  if (report.goodput > 0)
    out << absl::StrFormat("; %.1f %% of the time since the run began went into its steps",
                           100 * report.goodput);
  return out << "\n";
}

}  // namespace accelerate
