// Reads the launch flags from the command line of a program that launches itself, or of `accelerate
// launch`.
//
// Example: `my_model --num_processes=2 --epochs 3 -- --cpu` asks for two processes and has the
// program arguments `--epochs 3 --cpu`:
//
//   absl::StatusOr<LaunchRequest> request = parse_launch_flags({argv + 1, argv + argc});
//   if (!request.ok()) return fail(request.status());
//   if (request->help) std::cout << launch_flags_help();  // flag_help.h
//
// Flags are written `--num_processes=2` or `--num_processes 2`; hyphens count as underscores, and
// abbreviations do not exist. The last occurrence of a repeated flag counts.
//
// Not for the program's own flags: those pass through unread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// Whether a program has a flag of this name, with underscores and without leading hyphens.
using IsProgramFlag = std::function<bool(const std::string& name)>;

// Splits the command line, without the program's name, of a program that launches itself. A launch
// flag is recognised anywhere before the first `--`, even after one of the program's flags, unless
// `is_program_flag` is true for it. All other words go to the program. Before the first `--`,
// InvalidArgument names these, and what to write instead: a word that is almost a launch flag and
// not a flag of the program, --use_megatron_lm and similar flags, and a flag with a bad or missing
// value. Flags that only `accelerate launch` has are InvalidArgument if `is_program_flag` is false
// for them; if it is null, they get a remark.
absl::StatusOr<LaunchRequest> parse_launch_flags(const std::vector<std::string>& arguments,
                                                 const IsProgramFlag& is_program_flag = nullptr);

// Splits what follows `accelerate launch`: flags, then the program (the first word that is not a
// flag, or the word after `--`), then its arguments, which are not changed. InvalidArgument as
// above; for a misspelt flag it names the nearest one. The program may be missing.
absl::StatusOr<LaunchRequest> parse_launch_command(const std::vector<std::string>& words);

}  // namespace accelerate::launcher
