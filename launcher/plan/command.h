// The command line that each worker executes.
//
// Example:
//   const Command command = {.argv = {"./my_model", "--epochs=3"}};
//   return supervise_program(plan, command);  // supervisor.h
//
// Not for a program that launches itself: its workers are forked and execute nothing.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// A value.
struct Command {
  // The program first; without a slash it is looked for on the PATH.
  std::vector<std::string> argv = {};
  // The program is one of ours, whose rank 0 takes the listening socket of the rendezvous store
  // from ACCELERATE_STORE_FD. Any other would listen itself, in vain while the socket is open: it
  // gets a port that was free a moment ago.
  bool takes_store_socket = false;

  bool operator==(const Command&) const = default;
};

// For people, and for a shell: words with special characters are quoted.
std::string to_string(const Command& command);

}  // namespace accelerate::launcher
