// How important a line of a log is, and the words for these levels.
//
//   const std::optional<LogLevel> level = find_log_level("info");
//   if (!level.has_value()) refuse(no_log_level("--log_level", "info"));
//
// Not for what LibTorch itself writes: see accelerate/process/log_level.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accelerate {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError, kCritical, kOff };

// The level's word, such as "WARNING".
std::string_view to_string(LogLevel level);

// The level that a word names, in upper or lower case; nothing if it is none of trace, debug, info,
// warning, error, critical and off.
std::optional<LogLevel> find_log_level(std::string_view word);

// The error message for a word that names no level and was the value of `variable`, an environment
// variable or a flag. The message lists the valid words.
std::string no_log_level(std::string_view variable, std::string_view word);

}  // namespace accelerate
