// Formats the lines of a log.
//
//   const LogRecord record = {.level = LogLevel::kInfo, .logger = "data", .message = "begins"};
//   const std::string lines = log_lines(record, std::chrono::system_clock::now(), {});
//
// Part of the logging; not for others.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "accelerate/logging/level.h"

namespace accelerate::internal {

struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string_view logger = "";
  std::optional<int> rank = std::nullopt;  // Set if several processes write such lines.
  std::string_view message = "";
};

struct LineStyle {
  bool is_coloured = false;  // For a terminal.
};

// Writes "2026-11-30 09:41:07.250 INFO data: [rank 2] begins", in local time, for each line of the
// message; a newline at its end adds no line. Thread-safe.
std::string log_lines(const LogRecord& record, std::chrono::system_clock::time_point time,
                      const LineStyle& style);

}  // namespace accelerate::internal
