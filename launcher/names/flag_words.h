// How the words of a command line write flags: `--config_file=x`, `--config-file x`.
//
// Example:
//   if (looks_like_flag(word)) flag = find(flag_name(word));  // config_file
//   if (lacks_its_value) return lacks_value("config_file", "FILE");
//
// Not a parser: the flags, and where they end, differ from command to command.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace accelerate::launcher {

// A single hyphen is not a flag.
bool looks_like_flag(const std::string& word);

// The name in `word`, before a possible `=`: with underscores, without leading hyphens.
std::string flag_name(const std::string& word);

// InvalidArgument about a switch to which `word` gives a value.
absl::Status takes_no_value(const std::string& word, const std::string& name);

// InvalidArgument about a flag whose value, called `value_name`, is missing.
absl::Status lacks_value(const std::string& name, const std::string& value_name);

}  // namespace accelerate::launcher
