#include "accelerate/logging/log_lines.h"

#include <time.h>

#include <cstdint>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accelerate/logging/log_mutex.h"

namespace accelerate::internal {
namespace {

constexpr char kUsualColour[] = "\x1b[0m";

const char* colour_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
    case LogLevel::kDebug:
      return "\x1b[2m";  // Faint.
    case LogLevel::kWarning:
      return "\x1b[33m";  // Yellow.
    case LogLevel::kError:
      return "\x1b[31m";  // Red.
    case LogLevel::kCritical:
      return "\x1b[1;31m";  // Bold and red.
    case LogLevel::kInfo:
    case LogLevel::kOff:
      break;
  }
  return "\x1b[32m";  // Green.
}

std::string local_time(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(time - seconds);
  const std::time_t count = std::chrono::system_clock::to_time_t(seconds);
  std::tm local = {};
  {
    // The C library has a lock here that would stay locked in a process that is forked meanwhile.
    const std::lock_guard lock(log_mutex());
    localtime_r(&count, &local);
  }
  return absl::StrFormat("%d-%02d-%02d %02d:%02d:%02d.%03d", local.tm_year + 1900, local.tm_mon + 1,
                         local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, rest.count());
}

std::string prefix_of(const LogRecord& record, std::chrono::system_clock::time_point time,
                      const LineStyle& style) {
  const std::string_view word = to_string(record.level);
  std::string prefix = local_time(time);
  prefix += ' ';
  if (style.is_coloured) prefix += colour_of(record.level);
  prefix += word;
  if (style.is_coloured) prefix += kUsualColour;
  prefix += ' ';
  prefix += record.logger;
  prefix += ": ";
  if (record.rank.has_value()) absl::StrAppend(&prefix, "[rank ", *record.rank, "] ");
  return prefix;
}

}  // namespace

std::string log_lines(const LogRecord& record, std::chrono::system_clock::time_point time,
                      const LineStyle& style) {
  const std::string prefix = prefix_of(record, time, style);
  std::string_view rest = record.message;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  std::string lines;
  while (true) {
    const std::size_t end = rest.find('\n');
    lines += prefix;
    lines += rest.substr(0, end);
    lines += '\n';
    if (end == rest.npos) return lines;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace accelerate::internal
