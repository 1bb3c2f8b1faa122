// A command that forked workers execute, and the single report if they cannot.
//
// Example:
//   absl::StatusOr<ProgramExecution> execution = ProgramExecution::prepare(command);
//   // Fork workers, which call execution->execute().
//   if (const absl::Status failure = execution->failure(); !failure.ok()) {
//     std::cerr << failure.message() << "\n";
//     return execution_exit_code(failure);
//   }
//
// All workers fail for the same reason at the same time. So that the reason is reported exactly
// once, the workers leave it to the process that started them.
//
// Does not find out beforehand whether a program exists.
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
  // ResourceExhausted if there is no room for a pipe; InvalidArgument for an empty command.
  static absl::StatusOr<ProgramExecution> prepare(const Command& command);

  // In a worker: becomes the program. If that fails, the process ends as a shell would.
  [[noreturn]] void execute() const;

  // In the process that started the workers, after they have ended: OK if none failed to execute,
  // otherwise NotFound or PermissionDenied with the reason and what to do. The answer does not
  // change.
  absl::Status failure();

 private:
  ProgramExecution(const Command& command, FileDescriptor read_end, FileDescriptor write_end);

  Command command_;
  FileDescriptor read_end_;
  int error_ = 0;
  FileDescriptor write_end_;  // Closed on exec, so a running program never sees it.
};

// The exit code of a shell for such a failure: 127 if the program is not found, 126 if it cannot be
// executed.
int execution_exit_code(const absl::Status& failure);

}  // namespace accelerate::launcher
