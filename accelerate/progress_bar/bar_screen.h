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

// What makes the text of a bar as it is now.
using DrawBar = std::function<std::string(const BarSpace& space)>;

// Bars belong to one thread; others may write text at any time.
class BarScreen {
 public:
  using Clock = std::chrono::steady_clock;

  // The only one, which is never destroyed.
  static BarScreen& instance();

  // Whether standard error or else standard output is a terminal that obeys.
  static bool is_there();

  // Adds a row below the others; shows it. Returns its number. The first one lets the text of
  // std::cout, std::cerr and std::clog through a filter from then on.
  int add(DrawBar draw);
  // Takes the row away, and leaves a text, unless that is empty, above the others. Has no effect
  // where the row has gone: at the end of the process, and in a forked one.
  void remove(int number, const DrawBar& left);
  // Whether the rows were not drawn for a while.
  bool is_due(Clock::time_point now) const { return now - drawn_at_ >= kInterval; }
  void draw(Clock::time_point now);

  // Takes the rows away until they are drawn again, where there are any.
  void make_way();
  // Calls `write`, which writes text, with the rows taken away; `draws` them below it again. In any
  // thread.
  void write_above(const std::function<void()>& write, bool draws);

 private:
  struct Row {
    int number = 0;
    DrawBar draw;
    std::string text = "";
  };

  BarScreen() = default;

  void begin();
  // The rows go, and nothing is drawn any more.
  void end();
  void forget_in_child();
  BarSpace space() const;
  std::string rows();

  static constexpr std::chrono::milliseconds kInterval{100};

  // Recursive, as a stream that a program has changed may write into another one. Held while a
  // process is forked, whose bars are not the child's.
  std::recursive_mutex mutex_;
  int terminal_ = -1;
  int next_number_ = 0;
  std::vector<Row> rows_;
  bool are_shown_ = false;
  Clock::time_point drawn_at_;
};

}  // namespace accelerate::internal
