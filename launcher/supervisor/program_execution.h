// A command that forked workers execute, and the one report of why they could not.
//
// Example:
//   absl::StatusOr<ProgramExecution> execution = ProgramExecution::prepare(command);
//   // Fork workers, which call execution->execute().
//   if (const absl::Status failure = execution->failure(); !failure.ok()) {
//     std::cerr << failure.message() << "\n";
//     return execution_exit_code(failure);
//   }
//
// Each worker fails for the same reason at the same time, and is stopped when another has: so that
// the reason is told, and told once, the workers leave it to the process that started them.
//
// Not for finding out whether a program exists: it answers after the attempt.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/plan/command.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// Not thread-safe.
class ProgramExecution {
 public:
  // ResourceExhausted where there is no room for a pipe; InvalidArgument for an empty command.
  static absl::StatusOr<ProgramExecution> prepare(const Command& command);

  // In a worker: becomes the program. Where that fails the process ends as a shell would.
  [[noreturn]] void execute() const;

  // In the process that started the workers, when they have ended: OK where none has failed to
  // execute, otherwise NotFound or PermissionDenied with what was wrong and what to do. Stays so.
  absl::Status failure();

 private:
  ProgramExecution(const Command& command, FileDescriptor read_end, FileDescriptor write_end);

  Command command_;
  FileDescriptor read_end_;
  int error_ = 0;
  FileDescriptor write_end_;  // Closed on exec, so that a program that runs knows nothing of it.
};

// What a shell makes of such a failure: 127 for what is not found, 126 for what cannot be executed.
int execution_exit_code(const absl::Status& failure);

}  // namespace accelerate::launcher
