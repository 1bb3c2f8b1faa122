// Keeps the rows of bars below the text at this process's terminal.
//
// Part of ProgressBar; not for others.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "accelerate/progress_bar/bar_text.h"

namespace accelerate::internal {

// Returns the current text of a bar.
using DrawBar = std::function<std::string(const BarSpace& space)>;

// Bars belong to one thread; others may write text at any time.
class BarScreen {
 public:
  using Clock = std::chrono::steady_clock;

  // The only instance, which is never destroyed.
  static BarScreen& instance();

  // Whether standard error, or else standard output, is a terminal that follows control sequences.
  static bool is_there();

  // Adds a row below the others and shows it. Returns its number. The first call filters the text
  // of std::cout, std::cerr and std::clog from then on.
  int add(DrawBar draw);
  // Removes the row and leaves the text of `left`, unless it is empty, above the others. Has no
  // effect if the row no longer exists: at the end of the process, and in a forked process.
  void remove(int number, const DrawBar& left);
  // Whether it is time to draw the rows again.
  bool is_due(Clock::time_point now) const { return now - drawn_at_ >= kInterval; }
  void draw(Clock::time_point now);

  // Removes the rows, if there are any, until they are drawn again.
  void make_way();
  // Removes the rows, calls `write`, which writes text, and draws the rows below it again if
  // `draws`. Thread-safe.
  void write_above(const std::function<void()>& write, bool draws);

 private:
  struct Row {
    int number = 0;
    DrawBar draw;
    std::string text = "";
  };

  BarScreen() = default;

  void begin();
  // Removes the rows; nothing is drawn afterwards.
  void end();
  void forget_in_child();
  BarSpace space() const;
  std::string rows();

  static constexpr std::chrono::milliseconds kInterval{100};

  // Recursive, because a stream that a program has changed may write to another one. Held during a
  // fork, after which the child has no bars.
  std::recursive_mutex mutex_;
  int terminal_ = -1;
  int next_number_ = 0;
  std::vector<Row> rows_;
  bool are_shown_ = false;
  Clock::time_point drawn_at_;
};

}  // namespace accelerate::internal
