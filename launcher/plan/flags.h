// The command line of a program that launches itself: the launch flags, and what is the program's
// own.
//
// Example: `my_model --num_processes=2 --epochs 3 -- --cpu` gives num_processes 2 and the program
// arguments `--epochs 3 --cpu`.
//
//   absl::StatusOr<ParsedCommandLine> line = parse_launch_flags({argv + 1, argv + argc});
//   if (!line.ok()) return fail(line.status());
//   if (line->flags.help) std::cout << launch_flags_help();
//
// A launch flag is recognised wherever it stands before the first `--`, even behind one of the
// program's flags. A program's own flag of the same name as a launch flag is therefore reached only
// after `--`: `my_model -- --cpu`.
//
// Not for the program's own flags: those pass through unread, misspelt launch flags among them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

// The launch flags that were given; a member without a value was not.
struct LaunchFlags {
  std::optional<int> num_processes = std::nullopt;  // At least 1.
  std::optional<MixedPrecision> mixed_precision = std::nullopt;
  bool cpu = false;
  bool multi_gpu = false;
  std::optional<int> main_process_port = std::nullopt;  // 0 to 65535.
  bool help = false;

  bool operator==(const LaunchFlags&) const = default;
};

struct ParsedCommandLine {
  LaunchFlags flags;
  std::vector<std::string> program_arguments;  // In their order, without the first `--`.
};

// Splits `arguments`, a command line without the program's name. Flags are written
// `--num_processes=2` or `--num_processes 2`, hyphens as good as underscores, without
// abbreviations; of a repeated flag the last one holds. InvalidArgument names the flag with a bad
// or missing value, and what to write.
absl::StatusOr<ParsedCommandLine> parse_launch_flags(const std::vector<std::string>& arguments);

// The launch flags with their meaning, by groups, in lines of at most 100 characters.
std::string launch_flags_help();

}  // namespace accelerate::launcher
