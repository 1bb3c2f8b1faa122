// How much a line of a log matters, and by which words people say so.
//
//   const std::optional<LogLevel> level = find_log_level("info");
//   if (!level.has_value()) refuse(no_log_level("--log_level", "info"));
//
// Not for what LibTorch itself writes: accelerate/process/log_level.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accelerate {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError, kCritical, kOff };

// Its word: "WARNING".
std::string_view to_string(LogLevel level);

// What a word stands for, in any case; nothing where it is none of trace, debug, info, warning,
// error, critical and off.
std::optional<LogLevel> find_log_level(std::string_view word);

// What to say of a word that is none, which was the value of `variable`: a variable of the
// environment, or a flag. The sentence names those that there are.
std::string no_log_level(std::string_view variable, std::string_view word);

}  // namespace accelerate
