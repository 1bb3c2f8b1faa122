// Where the lines of all loggers go: standard error, and a file where there is one.
//
//   write_log({.level = LogLevel::kError, .logger = "data", .message = "no such file"});
//
// Part of the logging; not for others.
#pragma once

#include <string>

#include "accelerate/logging/log_lines.h"

namespace accelerate::internal {

// Writes the record's lines at once and before it returns, with one write(2) for each of the two
// wherever the system takes all of it. What cannot be written is lost: a full disk, a limit of
// sizes or a reader that has gone neither throw nor raise a signal; a line of the log on standard
// error tells once for each file. errno stays as it was. Bars of this process stay below. Waits for
// a slow reader. Thread-safe.
void write_log(const LogRecord& record);

// From now on lines also go to the end of this file, which is made where there is none, instead of
// one that was given before. Returns errno where it cannot be opened. Thread-safe.
int write_log_to_file(const std::string& path);

}  // namespace accelerate::internal
