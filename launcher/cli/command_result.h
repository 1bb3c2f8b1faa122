// Part of the tests of subcommands; not for others. What a subcommand prints, and its exit code.
#pragma once

#include <sstream>
#include <string>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

struct CommandResult {
  int code = 0;
  std::string output = "";
  std::string errors = "";
};

// The result of `run(console)`, whose questions `input` answers.
template <class Run>
CommandResult result_of(const Run& run, const std::string& input = "") {
  std::ostringstream output;
  std::ostringstream errors;
  std::istringstream answers(input);
  const int code = run(Console{output, errors, answers});
  return {code, output.str(), errors.str()};
}

}  // namespace accelerate::launcher
