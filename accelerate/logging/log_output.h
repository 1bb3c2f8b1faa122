// Writes the lines of all loggers to standard error, and to a file if there is one.
//
//   write_log({.level = LogLevel::kError, .logger = "data", .message = "no such file"});
//
// Part of the logging; not for others.
#pragma once

#include <string>

#include "accelerate/logging/log_lines.h"

namespace accelerate::internal {

// Writes all the record's lines before it returns, with one write(2) to each destination if the
// system accepts everything at once. What cannot be written is lost: a full disk, a size limit or a
// reader that has gone neither throws nor raises a signal. A line on standard error reports that
// once for each file. Does not change errno. This process's bars remain below the lines. Waits for
// a slow reader. Thread-safe.
void write_log(const LogRecord& record);

// From now on, lines are also appended to this file, instead of one from an earlier call. Creates
// the file if it does not exist. Returns errno if the file cannot be opened. Thread-safe.
int write_log_to_file(const std::string& path);

}  // namespace accelerate::internal
