// Measures the steps of a training: how long each phase takes, how many samples went through, how
// many operations the model needs.
//
//   StepMeter meter(device);
//   meter.start();
//   train_some();
//   const MeasuredSteps measured = meter.measured();
//
// On a CPU the phases are measured when the library enters them; on a GPU by events in its stream,
// which are read once they have passed, so that nothing waits. The first step warms up and is
// reported separately. Not thread-safe: it measures the thread that starts it. Not for programs,
// which have Accelerator::measure_steps() and report().
#pragma once

#include <c10/core/Device.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "accelerate/phases/phases.h"

namespace accelerate {

using PhaseSeconds = std::array<double, kNumPhases>;

// The measurements of this process since the meter was started.
struct MeasuredSteps {
  // Without the first one.
  int64_t steps = 0;
  // By Phase, summed over these steps, without kAside.
  PhaseSeconds seconds = {};
  double first_step_seconds = 0;
  // Of the last 10,000 steps, in seconds.
  double median_step = 0;
  double longest_step = 0;
  // The median time of a step without communication.
  double median_own = 0;
  // Floating-point operations of this process's share of a step, forward and backward; 0 if none
  // were seen.
  double flops_per_step = 0;
  // Samples that the data loader gave to all processes together in these steps.
  int64_t samples = 0;

  double total_seconds() const;
};

class StepMeter {
 public:
  explicit StepMeter(c10::Device device);
  StepMeter(const StepMeter&) = delete;
  StepMeter& operator=(const StepMeter&) = delete;
  ~StepMeter();

  // Measures this thread from now on; forgets earlier measurements.
  void start();
  // Keeps what was measured so far.
  void stop();
  bool is_running() const;

  MeasuredSteps measured();
  // The same without the median and the longest step, which take a while to compute.
  MeasuredSteps sums();
  // How many steps were measured when the last one began.
  int64_t steps() const;

 private:
  class Clock;
  class HostClock;
  class DeviceClock;

  c10::Device device_;
  std::unique_ptr<Clock> clock_;
};

}  // namespace accelerate
