#include "accelerate/report/run_meter.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/memory/memory_usage.h"
#include "accelerate/phases/phases.h"
#include "accelerate/report/peak_flops.h"
#include "formats/metrics/wall_time.h"

namespace accelerate {
namespace {

template <class Value>
std::string bytes_of(const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
template <class Value>
Value value_of(const std::string& bytes) {
  static_assert(std::is_trivially_copyable_v<Value>);
  Value value = {};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof(value)));
  return value;
}

}  // namespace

void RunMeter::start(const MeasureOptions& options) {
  TORCH_CHECK(options.log_every >= 0, "measure_steps(): log_every is ", options.log_every,
              "; give a number of steps, or 0 for none");
  options_ = options;
  const double now = metrics::wall_time();
  if (began_at_ == 0) began_at_ = now;
  if (stopped_at_) began_at_ += now - *std::exchange(stopped_at_, std::nullopt);
  productive_before_ = productive_seconds();
  begin_to_measure();
}

void RunMeter::stop() {
  if (is_running()) stopped_at_ = metrics::wall_time();
  steps_.stop();
}

void RunMeter::begin_to_measure() {
  steps_.start();
  taken_ = {};
}

double RunMeter::productive_seconds() {
  const MeasuredSteps sums = steps_.sums();
  return productive_before_ + sums.first_step_seconds + sums.total_seconds();
}

double RunMeter::measured_seconds() const {
  return began_at_ == 0 ? 0 : stopped_at_.value_or(metrics::wall_time()) - began_at_;
}

double RunMeter::goodput() {
  const double all = measured_seconds();
  return all > 0 ? std::min(1.0, productive_seconds() / all) : 0;
}

std::map<std::string, double> RunMeter::take_values() {
  const MeasuredSteps before = std::exchange(taken_, steps_.sums());
  MeasuredSteps since = taken_;
  since.steps -= before.steps;
  since.samples -= before.samples;
  for (size_t i = 0; i < kNumPhases; ++i) since.seconds.at(i) -= before.seconds.at(i);
  double peak = options_.report.peak_flops;
  if (peak <= 0) peak = internal::known_peak_flops(process_.device);
  RunReport report;
  report.ranks = {{.measured = since,
                   .peak_memory = peak_memory(process_.device),
                   .peak_flops = peak > 0 ? peak : measured_peak_.value_or(0)}};
  report.tokens_per_sample = options_.report.tokens_per_sample;
  report.goodput = goodput();
  return report.values();
}

RunReport RunMeter::report(Communicator& communicator, const ReportOptions& options) {
  const PhaseScope reporting(Phase::kAside);
  struct Sent {
    RankReport rank;
    double goodput;
  };
  RunReport report;
  report.tokens_per_sample = options.tokens_per_sample;
  Sent own = {.rank = {.measured = steps_.measured(),
                       .peak_memory = peak_memory(process_.device),
                       .peak_flops = options.peak_flops},
              .goodput = goodput()};
  if (own.rank.peak_flops <= 0) own.rank.peak_flops = internal::known_peak_flops(process_.device);
  report.is_peak_measured = own.rank.peak_flops <= 0;
  if (report.is_peak_measured) {
    if (!measured_peak_) measure_peak();
    own.rank.peak_flops = *measured_peak_;
  }
  std::vector<double> goodputs;
  for (const std::string& bytes : communicator.all_gather_bytes(bytes_of(own))) {
    const auto sent = value_of<Sent>(bytes);
    report.ranks.push_back(sent.rank);
    goodputs.push_back(sent.goodput);
  }
  report.goodput = goodputs.front();
  return report;
}

void RunMeter::measure_peak() {
  const double begin = metrics::wall_time();
  measured_peak_ = internal::measure_peak_flops(process_.device, type_);
  // What only the report takes is no time that the run has lost.
  if (is_running()) began_at_ += std::max(0.0, metrics::wall_time() - begin);
}

State RunMeter::save() {
  State state;
  // As if the run had begun later, where a part of it was not measured.
  const double now = metrics::wall_time();
  state.set("began_at", began_at_ == 0 ? 0.0 : began_at_ + now - stopped_at_.value_or(now));
  state.set("productive_seconds", productive_seconds());
  return state;
}

void RunMeter::check(const State& state) {
  // Of a run that did not measure.
  if (!state.contains("began_at")) return;
  for (const char* name : {"began_at", "productive_seconds"})
    TORCH_CHECK(state.number(name) >= 0 && std::isfinite(state.number(name)), "`", name,
                "` of the report's state is ", state.number(name), "; load a state that was saved");
}

void RunMeter::load(const State& state) {
  check(state);
  if (!state.contains("began_at")) return;
  began_at_ = state.number("began_at");
  productive_before_ = state.number("productive_seconds");
  // What this process has measured up to now is in no checkpoint.
  const bool was_running = is_running();
  begin_to_measure();
  if (was_running) return;
  steps_.stop();
  if (stopped_at_) stopped_at_ = metrics::wall_time();
}

}  // namespace accelerate
