// A bar that grows with the steps of an epoch, where there is a person to see it.
//
//   ProgressBar bar(/*steps=*/100, accelerator.is_local_main_process());
//   for (int64_t step = 0; step < 100; ++step) bar.advance();
//
// Not for logs, which get nothing of it.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <string>

namespace accelerate::train {

// Draws on the standard output if that is a terminal and `visible`, and clears the line when it
// goes.
class ProgressBar {
 public:
  ProgressBar(int64_t steps, bool visible)
      : steps_(steps), visible_(visible && isatty(STDOUT_FILENO) != 0) {}
  ~ProgressBar() {
    if (visible_) std::cout << "\r\x1b[K" << std::flush;
  }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance() {
    ++done_;
    if (!visible_) return;
    constexpr int64_t width = 40;
    const int64_t filled = width * done_ / steps_;
    std::cout << "\r[" << std::string(filled, '#') << std::string(width - filled, ' ') << "] "
              << done_ << '/' << steps_ << std::flush;
  }

 private:
  int64_t steps_;
  int64_t done_ = 0;
  bool visible_;
};

}  // namespace accelerate::train
