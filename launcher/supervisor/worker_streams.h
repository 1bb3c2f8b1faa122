// Sets up the standard streams of a worker.
//
// Example:
//   absl::StatusOr<FileDescriptor> output = add_rank({.is_relayed = true}, relay);
//   if (!output.ok()) return output.status();
//   // In the worker, where output->is_open(): dup2(output->get(), STDOUT_FILENO);
//
// Not for standard input, which only rank 0 has.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/supervisor/output_relay.h"

namespace accelerate::launcher {

// What happens to one stream.
struct OutputRoute {
  bool is_relayed = false;    // Otherwise the worker inherits this process's stream.
  std::string prefix = "";    // Only if relayed.
  std::string log_file = "";  // Only if relayed; empty if nothing is kept.
  bool is_shown = true;       // Otherwise it is relayed, but does not reach that stream.
};

// Adds the next rank to `relay`. Returns the descriptor to which it writes; not open if the rank
// keeps the stream that it inherits. ResourceExhausted if there is no room for a pipe,
// FailedPrecondition if the file cannot be written.
absl::StatusOr<FileDescriptor> add_rank(const OutputRoute& route, OutputRelay& relay);

}  // namespace accelerate::launcher
