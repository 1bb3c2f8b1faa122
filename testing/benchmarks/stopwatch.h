// Times the steps of a training loop after a warm-up, and says what rounds.py reads:
//
//   Stopwatch stopwatch({.warm_up = 200, .steps = 4000});
//   for (auto& batch : loader) stopwatch.after_step(train(batch));
//   // prints: 6512.3 steps/s, first loss 2.30259, last loss 2.1
//
// Not for a single step: what a GPU has still to do is waited for at both ends of the timed stretch
// and nowhere between.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>

namespace accelerate::benchmarks {

struct StopwatchOptions {
  // Steps that are not timed, at least 1, and steps that are.
  int64_t warm_up = 1;
  int64_t steps = 1;
  // Of `unit` in a step.
  double amount = 1;
  std::string unit = "steps";
};

class Stopwatch {
 public:
  explicit Stopwatch(StopwatchOptions options) : options_(std::move(options)) {}

  // Steps of the whole run.
  int64_t total() const { return options_.warm_up + options_.steps; }

  // `loss` is 0-dim, where the work was done.
  void after_step(const at::Tensor& loss) {
    ++taken_;
    // Reading the loss waits for all that was launched before.
    if (taken_ == 1) first_loss_ = loss.item<double>();
    if (taken_ != options_.warm_up && taken_ != total()) return;
    const auto last_loss = loss.item<double>();
    const Clock::time_point now = Clock::now();
    if (taken_ == total()) {
      const double seconds = std::chrono::duration<double>(now - begin_).count();
      std::cout << static_cast<double>(options_.steps) * options_.amount / seconds << ' '
                << options_.unit << "/s, first loss " << std::setprecision(9) << first_loss_
                << ", last loss " << last_loss << std::endl;
    }
    begin_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;

  StopwatchOptions options_;
  int64_t taken_ = 0;
  double first_loss_ = 0;
  Clock::time_point begin_;
};

}  // namespace accelerate::benchmarks
