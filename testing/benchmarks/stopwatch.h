// Times the steps of a training loop after a warm-up, and prints what rounds.py reads:
//
//   Stopwatch stopwatch({.warm_up = 200, .steps = 4000, .losses = 2});
//   for (auto& batch : loader) stopwatch.after_step(train(batch));
//   // prints, as soon as each is known:
//   //   first loss 2.30259
//   //   losses 2.30259 2.29
//   //   6512.3 steps/s, last loss 2.1
//
// Not for a single step: the stopwatch waits for what a GPU still has to do at both ends of the
// timed stretch, and nowhere in between. stopwatch.py does the same for the Python side.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

namespace accelerate::benchmarks {

struct StopwatchOptions {
  // Steps that are not timed, at least 1, and steps that are.
  int64_t warm_up = 1;
  int64_t steps = 1;
  // How many of `unit` a step does.
  double amount = 1;
  std::string unit = "steps";
  // How many of the first losses are printed on a line of their own, at most `warm_up`.
  int64_t losses = 0;
  // False on all processes except the one that prints.
  bool speaks = true;
};

class Stopwatch {
 public:
  explicit Stopwatch(StopwatchOptions options) : options_(std::move(options)) {
    TORCH_CHECK(options_.losses <= options_.warm_up, options_.losses,
                " losses would be read in steps that are timed; ask for at most ",
                options_.warm_up);
  }

  // Steps of the whole run.
  int64_t total() const { return options_.warm_up + options_.steps; }

  // `loss` is 0-dim, on the device that did the work.
  void after_step(const at::Tensor& loss) {
    ++taken_;
    // Reading the loss waits for all that was launched before.
    if (taken_ == 1) say("first loss ", loss.item<double>());
    if (taken_ <= options_.losses) {
      losses_ << (taken_ == 1 ? "" : " ") << std::setprecision(9) << loss.item<double>();
      if (taken_ == options_.losses) say("losses ", losses_.str());
    }
    if (taken_ != options_.warm_up && taken_ != total()) return;
    const auto last_loss = loss.item<double>();
    const Clock::time_point now = Clock::now();
    if (taken_ == total()) {
      const double seconds = std::chrono::duration<double>(now - begin_).count();
      say(static_cast<double>(options_.steps) * options_.amount / seconds, ' ', options_.unit,
          "/s, last loss ", last_loss);
    }
    begin_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;

  template <class... Parts>
  void say(const Parts&... parts) const {
    if (options_.speaks) ((std::cout << std::setprecision(9)) << ... << parts) << std::endl;
  }

  StopwatchOptions options_;
  int64_t taken_ = 0;
  std::ostringstream losses_;
  Clock::time_point begin_;
};

}  // namespace accelerate::benchmarks
