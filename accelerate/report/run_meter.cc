#include "accelerate/report/run_meter.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "accelerate/phases/phases.h"
#include "accelerate/process/cuda.h"
#include "accelerate/report/peak_flops.h"

namespace accelerate {
namespace {

double time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t peak_memory_of(c10::Device device) {
  if (device.is_cuda()) return cuda::peak_memory(device.index());
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

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

void RunMeter::start() {
  if (began_at_ == 0) began_at_ = time_now();
  steps_.start();
}

double RunMeter::productive_seconds() {
  const MeasuredSteps measured = steps_.measured();
  return productive_before_ + measured.first_step_seconds + measured.total_seconds();
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
                       .peak_memory = peak_memory_of(process_.device),
                       .peak_flops = options.peak_flops},
              .goodput = 0};
  if (own.rank.peak_flops <= 0) own.rank.peak_flops = internal::known_peak_flops(process_.device);
  report.is_peak_measured = own.rank.peak_flops <= 0;
  if (report.is_peak_measured) {
    if (!measured_peak_) measured_peak_ = internal::measure_peak_flops(process_.device, type_);
    own.rank.peak_flops = *measured_peak_;
  }
  if (const double all = time_now() - began_at_; is_running() && all > 0)
    own.goodput = std::min(1.0, productive_seconds() / all);
  std::vector<double> goodputs;
  for (const std::string& bytes : communicator.all_gather_bytes(bytes_of(own))) {
    const auto sent = value_of<Sent>(bytes);
    report.ranks.push_back(sent.rank);
    goodputs.push_back(sent.goodput);
  }
  report.goodput = goodputs.front();
  return report;
}

State RunMeter::save() {
  State state;
  state.set("began_at", began_at_);
  state.set("productive_seconds", productive_seconds());
  return state;
}

void RunMeter::load(const State& state) {
  // Of a run that did not measure.
  if (!state.contains("began_at")) return;
  began_at_ = state.number("began_at");
  productive_before_ = state.number("productive_seconds");
  // What this process has measured up to now is in no checkpoint.
  if (is_running()) steps_.start();
}

}  // namespace accelerate
