// The `accelerate` command: from its command line to one of its subcommands.
//
// Example:
//   int run_hello(const std::vector<std::string>& words, const Console& console) {
//     console.output << "hello\n";
//     return kSuccess;
//   }
//
//   int main(int argc, char** argv) {
//     return run_command({argv, argv + argc}, {{"hello", "Say hello.", run_hello}}, Console());
//   }
//
// Not the list of subcommands: that is subcommands.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "launcher/cli/arguments.h"
#include "launcher/cli/console.h"

namespace accelerate::launcher {

struct Subcommand {
  std::string name;  // With hyphens.
  std::string help;  // One line.
  // Gets the words after the subcommand's name, and returns the exit code.
  int (*run)(const std::vector<std::string>& words, const Console& console);
};

// Runs the subcommand that `arguments` name, the program's own name first, and returns the exit
// code of the command. Without one it prints the help and fails. A program that is called
// `accelerate-launch` (by a link, say) runs `launch`. The program's name becomes command_name().
int run_command(const std::vector<std::string>& arguments,
                const std::vector<Subcommand>& subcommands, const Console& console);

// The body of a subcommand with this syntax: prints the help if it is asked for, or one line about
// a wrong command line; otherwise calls `body` and prints the error that it returns. Returns the
// exit code: kUsageError for either error, but kFailure if the machine is to blame (Internal,
// ResourceExhausted, DeadlineExceeded, DataLoss) or the user has changed their mind (Cancelled,
// AlreadyExists).
int run_with_arguments(const CommandSyntax& syntax, const std::vector<std::string>& words,
                       const Console& console,
                       const std::function<absl::Status(const Arguments&)>& body);

// The same for a subcommand that has subcommands: if the first word names one of `nested`, that one
// runs with the words after it.
int run_with_subcommands(CommandSyntax syntax, const std::vector<Subcommand>& nested,
                         const std::vector<std::string>& words, const Console& console,
                         const std::function<absl::Status(const Arguments&)>& body);

}  // namespace accelerate::launcher
