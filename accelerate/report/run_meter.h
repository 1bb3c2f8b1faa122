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

#include <optional>
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

  void start();
  void stop() { steps_.stop(); }
  bool is_running() const { return steps_.is_running(); }

  // Of all ranks, on all. Collective.
  RunReport report(Communicator& communicator, const ReportOptions& options);

  // What a checkpoint holds: when the run began, and what of the time since then went into steps.
  std::string_view state_name() const override { return "report"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void load(const State& state) override;

 private:
  // Seconds of steps whose results the run has, with those before its last restart.
  double productive_seconds();

  ProcessInfo process_;
  c10::ScalarType type_;
  StepMeter steps_;
  // In seconds since 1970.
  double began_at_ = 0;
  double productive_before_ = 0;
  std::optional<double> measured_peak_;
};

}  // namespace accelerate
