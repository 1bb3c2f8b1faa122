// The command line of a subcommand: its syntax, and its values.
//
// Example:
//   const CommandSyntax kSyntax = {
//       .name = "estimate-memory",
//       .description = "Tells how much memory a model takes.",
//       .positionals = {{.name = "PATH", .help = "The model's file."}},
//       .flags = {{.name = "dtypes", .value_name = "DTYPE", .many = true, .help = "Rows."}}};
//   absl::StatusOr<Arguments> arguments = parse_arguments(kSyntax, words);
//   if (!arguments.ok()) return fail(arguments.status());
//   for (const std::string& dtype : arguments->values("dtypes")) add_row(dtype);
//
// Flags are written `--config_file=x` or `--config_file x` anywhere before a first `--`; hyphens
// count as underscores, and abbreviations do not exist. The last occurrence of a repeated flag
// counts. Every subcommand has `-h` and `--help`.
//
// Not for `accelerate launch`, which passes unrecognised words on: launcher/request/flags.h reads
// the launch flags.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/names/help_text.h"

namespace accelerate::launcher {

struct Flag {
  std::string name;             // With underscores, without the leading hyphens.
  std::string value_name = "";  // Empty for a switch, which takes no value.
  bool many = false;            // Takes all words up to the next flag, at least one.
  bool repeated = false;        // Each use adds a value; otherwise the last use counts.
  std::string help = "";        // Empty for a flag that is accepted but not shown.
};

struct Positional {
  std::string name;  // In capitals.
  std::string help;
  bool many = false;  // Takes all words, at least one. Only for the last positional.
};

// A command within the command, as `default` in `accelerate config default`.
struct NestedCommand {
  std::string name;
  std::string help;  // One line.
};

struct CommandSyntax {
  std::string name;  // The subcommand's name.
  std::string description;
  std::vector<Positional> positionals = {};  // All of them are required.
  std::vector<Flag> flags = {};
  // For the help, and for messages about a word that may be meant for one: run_with_subcommands()
  // (command.h) has already handled a first word that names one.
  std::vector<NestedCommand> commands = {};
};

struct Arguments {
  bool help = false;  // If true, nothing else was checked.
  std::vector<std::string> positionals = {};
  std::map<std::string, std::vector<std::string>> flags = {};  // Those that were given.

  bool has(const std::string& flag) const { return flags.contains(flag); }
  std::optional<std::string> value(const std::string& flag) const;
  std::vector<std::string> values(const std::string& flag) const;  // Empty if it was not given.
};

// Reads the words after the subcommand. InvalidArgument says in one line which word is wrong and
// why; for a misspelt flag it names the nearest one.
absl::StatusOr<Arguments> parse_arguments(const CommandSyntax& syntax,
                                          const std::vector<std::string>& words);

// The usage, the description and all flags, in lines of at most `width` characters.
std::string syntax_help(const CommandSyntax& syntax, int width = help_width());

}  // namespace accelerate::launcher
