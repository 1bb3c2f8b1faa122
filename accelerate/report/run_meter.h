// Measures a run, also across its restarts: the steps of each rank, and how much of the time since
// the run first began they took.
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
  // `type` is the type in which the training computes.
  RunMeter(const ProcessInfo& process, c10::ScalarType type)
      : process_(process), type_(type), steps_(process.device) {}

  // Throws c10::Error if an option makes no sense.
  void start(const MeasureOptions& options = {});
  void stop();
  bool is_running() const { return steps_.is_running(); }

  // Returns the figures of all ranks, on all ranks. Collective.
  RunReport report(Communicator& communicator, const ReportOptions& options);

  // Whether `log_every` steps have been measured since take_values() was last called.
  bool is_due() const {
    return options_.log_every > 0 && is_running() &&
           steps_.steps() - taken_.steps >= options_.log_every;
  }
  // RunReport::values() for this process alone and the steps since then.
  std::map<std::string, double> take_values();

  // What a checkpoint holds: when the run began, and how much of the time since then went into
  // steps.
  std::string_view state_name() const override { return "report"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  // Seconds of steps whose results the run has, including those before its last restart.
  double productive_seconds();
  double goodput();
  // Seconds since the run began, without the time after stop() in which nothing was measured, and
  // without measure_peak().
  double measured_seconds() const;
  void begin_to_measure();
  void measure_peak();

  ProcessInfo process_;
  c10::ScalarType type_;
  MeasureOptions options_;
  StepMeter steps_;
  // What had been measured when take_values() was last called.
  MeasuredSteps taken_;
  // In seconds since 1970.
  double began_at_ = 0;
  std::optional<double> stopped_at_;
  double productive_before_ = 0;
  std::optional<double> measured_peak_;
};

}  // namespace accelerate
