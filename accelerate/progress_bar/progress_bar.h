// A bar that grows with the steps of a loop and shows the remaining time, the rate and the
// program's values, as in tqdm.
//
//   for (auto& batch : accelerate::with_progress(loader, {.description = "validation"})) {
//     evaluate(batch);
//   }
//
//   accelerate::ProgressBar bar({.description = "epoch 3"});
//   for (auto& batch : bar.over(loader)) bar.set("loss", train(batch));
//
//   accelerate::ProgressBar tokens({.total = 1'000'000, .unit = "tokens", .unit_scale = true});
//   while (tokens.done() < 1'000'000) tokens.advance(read_tokens());
//
// It shows
//
//  epoch 3:  45%|██████████▎            | 45/100 [00:03<00:04, 13.2 it/s, loss=0.1234]
//
// at the terminal of standard error, or else of standard output, on a row below all text. Bars of
// nested loops have a row each. What is printed meanwhile appears above them, whoever prints it;
// docs/seeing_a_run.md has the details. Without a terminal, the bar writes whole lines to standard
// error, from time to time and at the end. Only the main process shows anything.
//
// A step costs a few nanoseconds: advance() looks at the clock now and then, and draws ten times a
// second. Not thread-safe, and all bars of a process belong to one thread. Other threads may print,
// but not while the first bar at a terminal is constructed, because it replaces the buffers of
// std::cout, std::cerr and std::clog. If Ctrl-C, SIGTERM or SIGHUP ends the process, the bars are
// removed first; a forked process has no bars.
//
// Not for work that is not counted in steps, and not for keeping results: use a log or a tracker.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace accelerate {

struct ProgressBarOptions {
  // The number of steps. If it is left out, over() takes the size of its range; if that has none,
  // the bar only counts.
  std::optional<int64_t> total = std::nullopt;
  // Text in front of the bar.
  std::string description = "";
  // The unit of the steps, as in the rate "it/s".
  std::string unit = "it";
  // Whether counts and rates of 1000 or more are written as "1.20k".
  bool unit_scale = false;
  // Steps that were done before, by a run that this one continues; they do not count for the rate.
  // If neither these nor a total are given, over() takes the steps that a loader skips, as it does
  // after resume().
  int64_t initial = 0;
  // Whether the last state remains, as a line, when the bar ends.
  bool leave = true;
  // Whether anything is shown at all; by default on rank 0, as the environment tells it.
  std::optional<bool> visible = std::nullopt;
  // The shortest time between two lines if there is no terminal.
  std::chrono::milliseconds line_interval = std::chrono::seconds(30);
};

namespace internal {

class Bar;

template <class Value>
concept BarNumber = std::convertible_to<Value, double> && !std::same_as<Value, bool>;

template <class Range>
concept SizedLoop = requires(Range& range) {
  { std::size(range) } -> std::convertible_to<int64_t>;
};

// A loader that may have delivered some of its batches before.
template <class Range>
concept ResumedLoop = requires(Range& range) {
  { range.batches_left() } -> std::convertible_to<std::optional<int64_t>>;
};

template <class Range>
class ProgressRange;

}  // namespace internal

class ProgressBar {
 public:
  // Throws std::invalid_argument if the total is negative.
  explicit ProgressBar(const ProgressBarOptions& options = {});
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  // Ends the bar, as finish() does, also when an exception is thrown.
  ~ProgressBar();

  // Counts this many more steps as done.
  void advance(int64_t steps = 1) {
    if (__builtin_add_overflow(done_, steps, &done_)) {
      done_ = steps > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
    }
    if (--calls_to_look_ <= 0) look();
  }
  int64_t done() const { return done_; }

  // Sets a value that is shown behind the rest. Values appear in the order in which their names
  // were first set, and numbers with four digits. The next drawing shows it. Reading a tensor's
  // value makes the program wait for a GPU, so set it only every few steps.
  template <internal::BarNumber Value>
  void set(std::string_view name, const Value& value) {
    if constexpr (std::unsigned_integral<Value>) {
      set_unsigned(name, static_cast<uint64_t>(value));
    } else if constexpr (std::integral<Value>) {
      set_integer(name, static_cast<int64_t>(value));
    } else {
      set_number(name, static_cast<double>(value));
    }
  }
  void set(std::string_view name, std::string_view text);
  void set_description(std::string_view description);

  // For a loop over `range`, a loader or any other range, each turn of which is a step. Keeps a
  // temporary range alive. Another loop with the same bar continues its count.
  template <class Range>
  [[nodiscard]] internal::ProgressRange<Range> over(Range&& range) & {
    return {std::forward<Range>(range), *this};
  }
  // The bar would be destroyed before the loop begins: use with_progress().
  template <class Range>
  void over(Range&& range) && = delete;

  // Shows the last state, with the mean rate of the whole loop, or removes the bar. Has no effect
  // on a bar that has ended.
  void finish();

  // Removes the bars of this process until one is drawn again. Call it before you write several
  // lines to the terminal without std::cout, std::cerr or std::clog.
  static void make_way();

 private:
  template <class Range>
  friend class internal::ProgressRange;

  void look();
  // A loop of `steps` steps begins, of which the last `left` remain.
  void expect(int64_t steps, int64_t left);
  void set_unsigned(std::string_view name, uint64_t value);
  void set_integer(std::string_view name, int64_t value);
  void set_number(std::string_view name, double value);

  int64_t done_;
  // Calls of advance() until it is time to look at the clock.
  int64_t calls_to_look_ = 1;
  const bool follows_loops_;
  // Null if nothing is shown.
  std::unique_ptr<internal::Bar> bar_;
};

// For a loop over `range`, with a bar that ends with the loop.
template <class Range>
[[nodiscard]] internal::ProgressRange<Range> with_progress(Range&& range,
                                                           const ProgressBarOptions& options = {}) {
  return {std::forward<Range>(range), options};
}

namespace internal {

// What ProgressBar::over() and with_progress() return, for one loop.
template <class Range>
class ProgressRange {
  using First = decltype(std::begin(std::declval<Range&>()));
  using Last = decltype(std::end(std::declval<Range&>()));

 public:
  ProgressRange(Range&& range, ProgressBar& bar) : range_(std::forward<Range>(range)), bar_(bar) {}
  ProgressRange(Range&& range, const ProgressBarOptions& options)
      : range_(std::forward<Range>(range)), own_(std::in_place, options), bar_(*own_) {}
  ProgressRange(const ProgressRange&) = delete;
  ProgressRange& operator=(const ProgressRange&) = delete;

  struct Sentinel {
    Last last;
  };
  class Iterator {
   public:
    Iterator(First first, ProgressBar& bar) : at_(std::move(first)), bar_(bar) {}
    decltype(auto) operator*() const { return *at_; }
    Iterator& operator++() {
      // Counts the step before waiting for the next one, which may take long.
      bar_.advance();
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& iterator, const Sentinel& end) {
      return iterator.at_ == end.last;
    }

   private:
    First at_;
    ProgressBar& bar_;
  };

  Iterator begin() {
    if constexpr (SizedLoop<Range>) {
      const auto steps = static_cast<int64_t>(std::size(range_));
      std::optional<int64_t> left;
      if constexpr (ResumedLoop<Range>) left = range_.batches_left();
      bar_.expect(steps, left.value_or(steps));
    }
    return {std::begin(range_), bar_};
  }
  Sentinel end() { return {std::end(range_)}; }

 private:
  Range range_;
  std::optional<ProgressBar> own_;
  ProgressBar& bar_;
};

}  // namespace internal
}  // namespace accelerate
