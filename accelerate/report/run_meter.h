// What a run measures of itself, kept over its restarts: the steps of each rank, and how much of
// the time since the run first began they took.
//
//   RunMeter meter(process, at::kFloat);
//   meter.start();
//   train_some();
//   const RunReport report = meter.report(communicator, {});
//
// Part of Accelerator::measure_steps() and report(); not for others.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "accelerate/comm/communicator.h"
#include "accelerate/process/process_info.h"
#include "accelerate/report/run_report.h"
#include "accelerate/report/step_meter.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

class RunMeter final : public Stateful {
 public:
  // The type is what the training computes in.
  RunMeter(const ProcessInfo& process, c10::ScalarType type)
      : process_(process), type_(type), steps_(process.device) {}

  // Throws c10::Error where an option has no meaning.
  void start(const MeasureOptions& options = {});
  void stop();
  bool is_running() const { return steps_.is_running(); }

  // Of all ranks, on all. Collective.
  RunReport report(Communicator& communicator, const ReportOptions& options);

  // Whether `log_every` steps have been measured since values were taken.
  bool is_due() const {
    return options_.log_every > 0 && is_running() &&
           steps_.steps() - taken_.steps >= options_.log_every;
  }
  // RunReport::values() of this process alone, of the steps since then.
  std::map<std::string, double> take_values();

  // What a checkpoint holds: when the run began, and what of the time since then went into steps.
  std::string_view state_name() const override { return "report"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  // Seconds of steps whose results the run has, with those before its last restart.
  double productive_seconds();
  double goodput();
  // Since the run began, but for when nothing was measured after stop(), and for measure_peak().
  double measured_seconds() const;
  void begin_to_measure();
  void measure_peak();

  ProcessInfo process_;
  c10::ScalarType type_;
  MeasureOptions options_;
  StepMeter steps_;
  // What was measured when values were taken last.
  MeasuredSteps taken_;
  // In seconds since 1970.
  double began_at_ = 0;
  std::optional<double> stopped_at_;
  double productive_before_ = 0;
  std::optional<double> measured_peak_;
};

}  // namespace accelerate
