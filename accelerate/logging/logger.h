// Lines about a run that say when, how much they matter and who wrote them, once for all processes
// or from each of them, as Hugging Face Accelerate's get_logger writes them.
//
//   const accelerate::Logger log = accelerate::get_logger("data");
//   log.info("epoch %d begins", epoch);  // 2026-11-30 09:41:07.250 INFO data: epoch 3 begins
//   log.on_all_ranks().warning("%d of %d files are empty", empty, files);
//   log.warning_once("no GPU was found");
//   log.in_order(accelerator, LogLevel::kInfo, "loss %.4f", loss);
//
//   $ ACCELERATE_LOG_LEVEL=info my_model     # Without it, warnings and what is worse.
//
// A format is absl::StrFormat's, which takes a value of any type with operator<< by
// absl::FormatStreamed(); without values a text is written as it is. A format that does not fit its
// values, or leaves some out, is written with a remark instead of throwing, and what cannot be
// written is lost: no line is worth a run. Values of a line that is left out are not formatted.
//
// A line is written to standard error, and to the file of set_log_file() (log_file.h), before the
// call returns, and so is there whatever the process does next. Each message goes out in one
// write: lines of several processes do not mix in a file of a local disk, and in a pipe where the
// message is not longer than PIPE_BUF (4096 bytes) with what stands before it. One of several lines
// is as many lines of the log.
//
// All of it is thread-safe, but for changes to the environment; and may be used before main() and
// at the end of a process, and after fork().
//
// Not for results that another program reads: std::cout and Accelerator::print().
#pragma once

#include <atomic>
#include <concepts>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "accelerate/logging/level.h"

namespace accelerate {

namespace internal {

// What all loggers of a name share, for as long as the process lives.
struct LoggerState {
  LoggerState(std::string name, LogLevel level) : name(std::move(name)), level(level) {}

  std::string name;
  std::atomic<LogLevel> level;
  std::unordered_set<std::string> written_once;
};

std::string formatted(std::string_view format, std::initializer_list<absl::FormatArg> values);

inline std::string formatted(std::string_view text) { return std::string(text); }

template <class... Values>
std::string formatted(std::string_view format, const Values&... values) {
  return formatted(format, {absl::FormatArg(values)...});
}

// A format, and the place of the call that it is written in.
struct LocatedFormat {
  template <std::convertible_to<std::string_view> Text>
  LocatedFormat(const Text& text, std::source_location where = std::source_location::current())
      : text(text), where(where) {}

  std::string_view text;
  std::source_location where;
};

}  // namespace internal

// A value, as cheap to copy as two pointers.
class Logger {
 public:
  const std::string& name() const { return state_->name; }

  // What is below is left out, in all loggers of the name.
  LogLevel level() const { return state_->level.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) const { state_->level.store(level, std::memory_order_relaxed); }

  // The same logger, but with lines from each process, which say from which: "[rank 2]". Others are
  // written by the main process alone, that of rank 0.
  Logger on_all_ranks() const { return Logger(*state_, /*is_on_all_ranks=*/true); }

  // Whether a line of this level is written by this process, for what takes long to find out.
  bool is_on(LogLevel level) const {
    return level >= this->level() && level < LogLevel::kOff && (is_on_all_ranks_ || is_main());
  }

  template <class... Values>
  void trace(std::string_view format, const Values&... values) const {
    log(LogLevel::kTrace, format, values...);
  }
  template <class... Values>
  void debug(std::string_view format, const Values&... values) const {
    log(LogLevel::kDebug, format, values...);
  }
  template <class... Values>
  void info(std::string_view format, const Values&... values) const {
    log(LogLevel::kInfo, format, values...);
  }
  template <class... Values>
  void warning(std::string_view format, const Values&... values) const {
    log(LogLevel::kWarning, format, values...);
  }
  template <class... Values>
  void error(std::string_view format, const Values&... values) const {
    log(LogLevel::kError, format, values...);
  }
  template <class... Values>
  void critical(std::string_view format, const Values&... values) const {
    log(LogLevel::kCritical, format, values...);
  }
  template <class... Values>
  void log(LogLevel level, std::string_view format, const Values&... values) const {
    if (!is_on(level)) return;
    if constexpr (sizeof...(values) == 0) {
      write(level, format);
    } else {
      write(level, internal::formatted(format, values...));
    }
  }

  // A warning that is left out where this process has written the same text before, by a logger of
  // this name. Each text is kept: not for one with a number that changes at each step.
  template <class... Values>
  void warning_once(std::string_view format, const Values&... values) const {
    if (is_on(LogLevel::kWarning)) write_once(internal::formatted(format, values...));
  }

  // A line from each process, rank after rank, all written by the main process. Collective,
  // whatever the levels: that of the main process decides whether lines are written. Throws what
  // Accelerator::gather() throws. A step with such a call is not captured.
  //   log.in_order(accelerator, LogLevel::kDebug, "%d samples", samples);
  template <class Accelerator, class... Values>
  void in_order(Accelerator& accelerator, LogLevel level, const internal::LocatedFormat& format,
                const Values&... values) const {
    const std::vector<std::string> messages = accelerator.gather(
        std::vector<std::string>{internal::formatted(format.text, values...)}, format.where);
    if (accelerator.is_main_process() && on_all_ranks().is_on(level)) write_all(level, messages);
  }

 private:
  friend Logger get_logger(std::string_view name);

  Logger(internal::LoggerState& state, bool is_on_all_ranks)
      : state_(&state), is_on_all_ranks_(is_on_all_ranks) {}

  static bool is_main();
  void write(LogLevel level, std::string_view message) const;
  void write_once(std::string message) const;
  void write_all(LogLevel level, const std::vector<std::string>& messages) const;

  internal::LoggerState* state_;
  bool is_on_all_ranks_;
};

// The logger of this name. A name that is new gets the level that ACCELERATE_LOG_LEVEL names (see
// find_log_level()); kWarning where it is not set, and where it names none, of which a line tells
// then.
Logger get_logger(std::string_view name);

}  // namespace accelerate
