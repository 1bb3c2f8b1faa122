#include "accelerate/report/step_meter.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>
#include <utility>

#include "accelerate/host_work/host_work.h"
#include "accelerate/report/flop_counter.h"

namespace accelerate {
namespace {

constexpr size_t kKeptSteps = 10'000;
// Operations are counted in the first steps, and then now and then, as the sizes of batches may
// change. An odd number, so that each of two optimizers that take turns gets its turn.
constexpr int64_t kFirstCounted = 4;
constexpr int64_t kCountEvery = 997;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

size_t index_of(Phase phase) { return static_cast<size_t>(phase); }

}  // namespace

double MeasuredSteps::total_seconds() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

// What is common to both: whole steps.
class StepMeter::Clock : public PhaseListener {
 public:
  Clock() { Phases::add(*this); }
  ~Clock() override { stop(); }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  void stop() {
    if (std::exchange(is_stopped_, true)) return;
    Phases::remove(*this);
    counter_.reset();
  }
  bool is_stopped() const { return is_stopped_; }

  void enter(Phase phase) final {
    begin(phase);
    // From the first pass that trains on: what is evaluated before is no part of a step.
    const bool trains = phase == Phase::kForward || phase == Phase::kCaptured;
    if (trains && !counter_ && !has_counted_ && is_to_be_counted())
      counter_ = std::make_unique<internal::FlopCounter>();
  }
  void leave(Phase outside) final { begin(outside); }

  void note_step() final {
    if (!counter_) return;
    const double flops = counter_->flops();
    counter_.reset();
    has_counted_ = true;
    // A replay may show none of its operators.
    if (flops == 0) return;
    counted_flops_ += flops;
    ++counted_steps_;
  }

  // What can be known by now.
  virtual void settle() {}

  MeasuredSteps measured() {
    settle();
    MeasuredSteps result = sums_;
    std::vector<double> sorted = last_;
    std::sort(sorted.begin(), sorted.end());
    if (!sorted.empty()) {
      result.median_step = sorted[sorted.size() / 2];
      result.longest_step = sorted.back();
    }
    result.flops_per_step =
        counted_steps_ > 0 ? counted_flops_ / static_cast<double>(counted_steps_) : 0;
    return result;
  }

 protected:
  virtual void begin(Phase phase) = 0;

  void add_step(const PhaseSeconds& seconds, int64_t samples) {
    const double total = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    if (sums_.first_step_seconds == 0) {
      sums_.first_step_seconds = total;
      return;
    }
    for (size_t i = 0; i < kNumPhases; ++i) sums_.seconds[i] += seconds[i];
    sums_.samples += samples;
    if (last_.size() < kKeptSteps) {
      last_.push_back(total);
    } else {
      last_[static_cast<size_t>(sums_.steps) % kKeptSteps] = total;
    }
    ++sums_.steps;
  }

  void begin_step() {
    ++begun_;
    has_counted_ = false;
  }

 private:
  MeasuredSteps sums_;
  std::vector<double> last_;
  bool is_to_be_counted() const {
    return begun_ < kFirstCounted || begun_ % kCountEvery == 0 ||
           (counted_steps_ == 0 && begun_ < 20);
  }

  bool is_stopped_ = false;
  int64_t begun_ = 0;
  bool has_counted_ = false;
  std::unique_ptr<internal::FlopCounter> counter_;
  double counted_flops_ = 0;
  int64_t counted_steps_ = 0;
};

class StepMeter::HostClock final : public Clock {
 private:
  void begin(Phase phase) override {
    pass();
    phase_ = phase;
  }
  void end_step(int64_t samples) override {
    pass();
    add_step(std::exchange(step_, {}), samples);
    begin_step();
  }
  void pass() {
    const double now = seconds_now();
    if (phase_ != Phase::kAside) step_[index_of(phase_)] += now - since_;
    since_ = now;
  }

  Phase phase_ = Phase::kOther;
  double since_ = seconds_now();
  PhaseSeconds step_ = {};
};

// Events in the stream that computes; between two of them the device was at the first one's phase,
// or waited for the host, which was.
class StepMeter::DeviceClock final : public Clock {
 public:
  explicit DeviceClock(c10::Device device) : device_(device), guard_(device.type()) {
    mark(Phase::kOther);
  }

  void settle() override {
    while (marks_.size() > 1 && marks_[1].event.query()) {
      const double milliseconds = marks_[0].event.elapsedTime(marks_[1].event);
      if (marks_[0].phase != Phase::kAside) step_[index_of(marks_[0].phase)] += milliseconds / 1000;
      if (marks_[1].ends_step) add_step(std::exchange(step_, {}), marks_[1].samples);
      free_.push_back(std::move(marks_[0].event));
      marks_.pop_front();
    }
  }

 private:
  struct Mark {
    c10::Event event;
    Phase phase;
    bool ends_step = false;
    int64_t samples = 0;
  };

  void begin(Phase phase) override { mark(phase); }
  void end_step(int64_t samples) override {
    begin_step();
    mark(Phase::kOther);
    marks_.back().ends_step = true;
    marks_.back().samples = samples;
    settle();
  }
  void mark(Phase phase) {
    // While a device only takes note of a step, an event would become a part of that.
    if (HostWorkRecorder::current() != nullptr) return;
    const c10::Stream stream = guard_.getStream(device_);
    if (free_.empty()) free_.emplace_back(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
    c10::Event event = std::move(free_.back());
    free_.pop_back();
    event.record(stream);
    marks_.push_back({std::move(event), phase});
  }

  c10::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  std::deque<Mark> marks_;
  std::vector<c10::Event> free_;
  PhaseSeconds step_ = {};
};

StepMeter::StepMeter(c10::Device device) : device_(device) {}
StepMeter::~StepMeter() = default;

void StepMeter::start() {
  clock_.reset();
  if (device_.is_cpu()) {
    clock_ = std::make_unique<HostClock>();
  } else {
    clock_ = std::make_unique<DeviceClock>(device_);
  }
}

void StepMeter::stop() {
  if (clock_) clock_->stop();
}

bool StepMeter::is_running() const { return clock_ && !clock_->is_stopped(); }

MeasuredSteps StepMeter::measured() { return clock_ ? clock_->measured() : MeasuredSteps(); }

}  // namespace accelerate
