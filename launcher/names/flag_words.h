// How the words of a command line write flags: `--config_file=x`, `--config-file x`.
//
// Example:
//   if (looks_like_flag(word)) flag = find(flag_name(word));  // config_file
//   if (lacks_its_value) return lacks_value("config_file", "FILE");
//
// Not a parser: which flags there are, and where they end, differs from command to command.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace accelerate::launcher {

// A single hyphen is a word of its own.
bool looks_like_flag(const std::string& word);

// What `word` writes, up to a possible `=`: with underscores, without the leading hyphens.
std::string flag_name(const std::string& word);

// InvalidArgument about a switch that `word` gives a value.
absl::Status takes_no_value(const std::string& word, const std::string& name);

// InvalidArgument about a flag whose value, called `value_name`, is not there.
absl::Status lacks_value(const std::string& name, const std::string& value_name);

}  // namespace accelerate::launcher
