// Which program to launch, as the user asked for it.
//
// Example:
//   const ProgramRequest request = {.program = "train.py", .arguments = {"--epochs=3"}};
//   absl::StatusOr<Command> command = make_command(request, process_environment);  // command.h
//
// Not the command that is executed: that is a Command.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

struct ProgramRequest {
  std::string program = "";  // A path, a name on the PATH, or the name of a Python module.
  std::vector<std::string> arguments = {};
  bool module = false;            // `program` is a Python module.
  bool no_python = false;         // Executes `program` itself, whatever its name.
  std::string python_flags = "";  // For the interpreter, separated by blanks: "-u -X dev".

  bool operator==(const ProgramRequest&) const = default;
};

}  // namespace accelerate::launcher
