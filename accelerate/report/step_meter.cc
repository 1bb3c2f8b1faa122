#include "accelerate/report/step_meter.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

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
// And until some steps of each optimizer were; given up where none shows its operators.
constexpr int64_t kLeastCounted = 2;
constexpr int64_t kMostTried = 20;

// Of the processor's own counter, which costs half of what the system's clock costs to read, and
// far less where the caches have neither that clock's code nor its data. It may run unevenly, and
// jump where a machine has slept: it tells how a step is divided, and never how long one took.
int64_t ticks_now() {
#if defined(__x86_64__)
  return static_cast<int64_t>(__rdtsc());
#else
  return std::chrono::steady_clock::now().time_since_epoch().count();
#endif
}

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
    if (trains && !counter_ && !has_stepped_ && is_to_be_counted())
      counter_ = std::make_unique<internal::FlopCounter>();
  }
  void leave(Phase outside) final { begin(outside); }

  void note_step(const void* optimizer) final {
    // Several optimizers may end one step.
    if (std::exchange(has_stepped_, true)) return;
    StepKind& kind = kind_of(optimizer);
    // The first step is of no mean.
    kind.steps += begun_ > 0;
    if (!counter_) return;
    const double flops = counter_->flops();
    counter_.reset();
    // A replay may show none of its operators.
    if (flops == 0) return;
    kind.flops += flops;
    ++kind.counted;
  }

  // What can be known by now.
  virtual void settle() {}

  MeasuredSteps measured() {
    MeasuredSteps result = sums();
    std::vector<double> all, own;
    for (const LastStep& step : last_) {
      all.push_back(step.all);
      own.push_back(step.own);
    }
    std::sort(all.begin(), all.end());
    std::sort(own.begin(), own.end());
    if (!all.empty()) {
      result.median_step = all[all.size() / 2];
      result.longest_step = all.back();
      result.median_own = own[own.size() / 2];
    }
    return result;
  }
  MeasuredSteps sums() {
    settle();
    MeasuredSteps result = sums_;
    result.flops_per_step = flops_per_step();
    return result;
  }
  int64_t steps() const { return sums_.steps; }

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
    const LastStep step = {.all = total, .own = total - seconds[index_of(Phase::kCommunication)]};
    if (last_.size() < kKeptSteps) {
      last_.push_back(step);
    } else {
      last_[static_cast<size_t>(sums_.steps) % kKeptSteps] = step;
    }
    ++sums_.steps;
  }

  void begin_step() {
    ++begun_;
    has_stepped_ = false;
  }

 private:
  // Steps that the same optimizer ends cost alike; those of others, as of a GAN's two halves, may
  // cost far more, and come more seldom.
  struct StepKind {
    const void* optimizer;
    int64_t steps = 0;
    int64_t counted = 0;
    // Of the counted ones together.
    double flops = 0;
  };

  // In seconds.
  struct LastStep {
    double all;
    double own;
  };

  StepKind& kind_of(const void* optimizer) {
    for (StepKind& kind : kinds_) {
      if (kind.optimizer == optimizer) return kind;
    }
    return kinds_.emplace_back(StepKind{optimizer});
  }

  bool is_to_be_counted() const {
    return begun_ < kFirstCounted || begun_ % kCountEvery == 0 ||
           std::any_of(kinds_.begin(), kinds_.end(), [](const StepKind& kind) {
             return kind.counted < kLeastCounted && kind.steps < kMostTried;
           });
  }

  double flops_per_step() const {
    double flops = 0;
    int64_t steps = 0;
    for (const StepKind& kind : kinds_) {
      if (kind.counted == 0) continue;
      // Where there was but the first one.
      const int64_t times = std::max<int64_t>(kind.steps, 1);
      flops += kind.flops / static_cast<double>(kind.counted) * static_cast<double>(times);
      steps += times;
    }
    return steps > 0 ? flops / static_cast<double>(steps) : 0;
  }

  MeasuredSteps sums_;
  std::vector<LastStep> last_;

  bool is_stopped_ = false;
  int64_t begun_ = 0;
  bool has_stepped_ = false;
  std::unique_ptr<internal::FlopCounter> counter_;
  std::vector<StepKind> kinds_;
};

class StepMeter::HostClock final : public Clock {
 private:
  void begin(Phase phase) override {
    pass();
    phase_ = phase;
  }
  void end_step(int64_t samples) override {
    pass();
    const double now = seconds_now(), took = now - std::exchange(began_, now);
    const int64_t all = std::accumulate(ticks_.begin(), ticks_.end(), int64_t{0});
    const double seconds_per_tick = all > 0 ? took / static_cast<double>(all) : 0;
    PhaseSeconds seconds = {};
    for (size_t i = 0; i < kNumPhases; ++i) {
      if (i != index_of(Phase::kAside))
        seconds[i] = static_cast<double>(ticks_[i]) * seconds_per_tick;
    }
    ticks_ = {};
    add_step(seconds, samples);
    begin_step();
  }
  void pass() {
    const int64_t now = ticks_now();
    ticks_[index_of(phase_)] += std::max<int64_t>(now - since_, 0);
    since_ = now;
  }

  Phase phase_ = Phase::kOther;
  // Of this step.
  double began_ = seconds_now();
  std::array<int64_t, kNumPhases> ticks_ = {};
  int64_t since_ = ticks_now();
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
    // Where no step ends for long, as in an evaluation.
    constexpr size_t kMany = 512;
    if (marks_.size() % kMany == 0) settle();
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

MeasuredSteps StepMeter::sums() { return clock_ ? clock_->sums() : MeasuredSteps(); }

int64_t StepMeter::steps() const { return clock_ ? clock_->steps() : 0; }

}  // namespace accelerate
