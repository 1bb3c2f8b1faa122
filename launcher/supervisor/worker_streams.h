// What becomes of the standard streams of a worker.
//
// Example:
//   absl::StatusOr<FileDescriptor> output = add_rank({.is_relayed = true}, relay);
//   if (!output.ok()) return output.status();
//   // In the worker, where output->is_open(): dup2(output->get(), STDOUT_FILENO);
//
// Not for standard input, which rank 0 has and no other.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/supervisor/output_relay.h"

namespace accelerate::launcher {

// Of one stream.
struct OutputRoute {
  bool is_relayed = false;    // Otherwise the worker inherits the stream of this process,
  std::string prefix = "";    // has no prefix,
  std::string log_file = "";  // and no file: nothing is kept where this is empty.
  bool is_shown = true;       // Otherwise it is relayed, and does not get to that stream.
};

// Adds the next rank to `relay`. Returns what it is to write to, which is not open where it keeps
// the stream that it inherits. ResourceExhausted where there is no room for a pipe, and
// FailedPrecondition where the file cannot be written.
absl::StatusOr<FileDescriptor> add_rank(const OutputRoute& route, OutputRelay& relay);

}  // namespace accelerate::launcher
