// Reading the launch flags from a command line: that of a program that launches itself, or that of
// `accelerate launch`.
//
// Example: `my_model --num_processes=2 --epochs 3 -- --cpu` asks for two processes and has the
// program arguments `--epochs 3 --cpu`:
//
//   absl::StatusOr<LaunchRequest> request = parse_launch_flags({argv + 1, argv + argc});
//   if (!request.ok()) return fail(request.status());
//   if (request->help) std::cout << launch_flags_help();  // flag_help.h
//
// Flags are written `--num_processes=2` or `--num_processes 2`, hyphens as good as underscores,
// without abbreviations; of a repeated flag the last one holds.
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
// flag is recognised wherever it stands before the first `--`, even behind one of the program's
// flags, unless `is_program_flag` claims it. Whatever else there is goes to the program; but before
// the first `--`, what is nearly a launch flag and not claimed is InvalidArgument, and so are
// --use_megatron_lm and its like, and a flag with a bad or missing value: the message names it, and
// what to write. Other flags of `accelerate launch` alone are InvalidArgument where
// `is_program_flag` denies them, and have a remark where it is not known.
absl::StatusOr<LaunchRequest> parse_launch_flags(const std::vector<std::string>& arguments,
                                                 const IsProgramFlag& is_program_flag = nullptr);

// Splits what follows `accelerate launch`: flags up to the first word that is none, or behind `--`,
// which is the program, and its arguments, which are left as they are. InvalidArgument as above,
// and for a misspelt flag with the nearest one; a program need not be there.
absl::StatusOr<LaunchRequest> parse_launch_command(const std::vector<std::string>& words);

}  // namespace accelerate::launcher
