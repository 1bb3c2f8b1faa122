// What each worker executes: any program, a Python script or a Python module.
//
// Example:
//   absl::StatusOr<Command> command =
//       make_command({.program = "train.py", .arguments = {"--epochs=3"}}, process_environment);
//   if (!command.ok()) return fail(command.status());
//   return supervise_program(plan, *command);  // supervisor.h
//
// Not for a program that launches itself: its workers are forked and execute nothing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/request/program_request.h"

namespace accelerate::launcher {

enum class ProgramKind { kExecutable, kPythonScript, kPythonModule, kMpirun };

// A value.
struct Command {
  ProgramKind kind = ProgramKind::kExecutable;
  // The words to execute. A program without a slash is searched for in PATH.
  std::vector<std::string> argv = {};
  // The program was built with this library (program_mark.h): its rank 0 takes the listening socket
  // of the rendezvous store from ACCELERATE_STORE_FD. Other programs open the port themselves,
  // which fails while the socket is open; they get a port that was free a moment ago.
  bool takes_store_socket = false;

  bool operator==(const Command&) const = default;
};

// A program whose name ends in .py is a Python script unless no_python is set. Scripts and modules
// run in the interpreter that the variable PYTHON names, or in python3. NotFound or
// PermissionDenied if a script cannot be read, InvalidArgument if the request contradicts itself;
// the message says what to do. Thread-safe if `lookup` is.
absl::StatusOr<Command> make_command(const ProgramRequest& request,
                                     const EnvironmentLookup& lookup);

// The path at which a shell would find `program`; empty if it would not find it.
std::string find_program(const std::string& program, const EnvironmentLookup& lookup);

// For people, and for a shell: words with special characters are quoted.
std::string to_string(const Command& command);

}  // namespace accelerate::launcher
