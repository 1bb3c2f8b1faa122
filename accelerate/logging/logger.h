// Writes lines about a run with their time, level and logger, once for all processes or from each
// of them, like Hugging Face Accelerate's get_logger.
//
//   const accelerate::Logger log = accelerate::get_logger("data");
//   log.info("epoch %d begins", epoch);  // 2026-11-30 09:41:07.250 INFO data: epoch 3 begins
//   log.on_all_ranks().warning("%d of %d files are empty", empty, files);
//   log.warning_once("no GPU was found");
//   log.in_order(accelerator, LogLevel::kInfo, "loss %.4f", loss);
//
//   $ ACCELERATE_LOG_LEVEL=info my_model     # Without it, warnings and what is worse.
//
// Formats are those of absl::StrFormat; wrap a value of any other type with operator<< in
// absl::FormatStreamed(). Without values, the text is written unchanged. A format that does not fit
// its values, or leaves some out, is written with a remark and does not throw, and what cannot be
// written is lost: a line of a log must never end a run. Values of a line that is left out are not
// formatted.
//
// A line is written to standard error, and to the file of set_log_file() (log_file.h), before the
// call returns, so it is kept whatever the process does next. Each message takes one write: lines
// of several processes do not mix in a file on a local disk, nor in a pipe if the message with its
// prefix is not longer than PIPE_BUF (4096 bytes). A message of several lines becomes as many lines
// of the log.
//
// Everything here is thread-safe, unless another thread changes the environment, and works before
// main(), at the end of a process and after fork().
//
// Not for results that another program reads: use std::cout or Accelerator::print().
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

// What all loggers of one name share, until the process ends.
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

// A format and the location of the call that passes it.
struct LocatedFormat {
  template <std::convertible_to<std::string_view> Text>
  LocatedFormat(const Text& text, std::source_location where = std::source_location::current())
      : text(text), where(where) {}

  std::string_view text;
  std::source_location where;
};

}  // namespace internal

// A value type, as cheap to copy as two pointers.
class Logger {
 public:
  const std::string& name() const { return state_->name; }

  // Lines below this level are left out, in all loggers of the name.
  LogLevel level() const { return state_->level.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) const { state_->level.store(level, std::memory_order_relaxed); }

  // The same logger, but every process writes its lines, marked with its rank: "[rank 2]". Without
  // this, only the main process, rank 0, writes lines.
  Logger on_all_ranks() const { return Logger(*state_, /*is_on_all_ranks=*/true); }

  // Whether this process writes lines of this level; check it before computing a value that takes
  // long.
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

  // A warning that is left out if a logger of this name has written the same text in this process
  // before. Each text is kept in memory, so do not use it for a text with a number that changes at
  // each step.
  template <class... Values>
  void warning_once(std::string_view format, const Values&... values) const {
    if (is_on(LogLevel::kWarning)) write_once(internal::formatted(format, values...));
  }

  // The main process writes one line from each process, in rank order. Collective, whatever the
  // levels: the level in the main process decides whether the lines are written. Throws what
  // Accelerator::gather() throws. A step that calls it is not captured.
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

// Returns the logger of this name. A new name gets the level that ACCELERATE_LOG_LEVEL names (see
// find_log_level()), or kWarning if the variable is not set or names no level; in the latter case a
// line of the log says so.
Logger get_logger(std::string_view name);

}  // namespace accelerate
