#include "launcher/supervisor/program_execution.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"
#include "launcher/posix/system_error.h"

namespace accelerate::launcher {
namespace {

bool exists(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0;
}

bool is_folder(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

absl::Status execution_error(const Command& command, int error) {
  const std::string& program = command.argv[0];
  const std::string where = absl::StrCat("cannot execute ", program, ": ");
  const bool is_python =
      command.kind == ProgramKind::kPythonScript || command.kind == ProgramKind::kPythonModule;
  if (error == ENOENT && is_python) {
    return absl::NotFoundError(
        absl::StrCat(where, "there is no such Python interpreter; install it, or set the variable ",
                     "PYTHON to the path of one."));
  }
  const bool on_path = !absl::StrContains(program, '/');
  if (error == ENOENT && on_path) {
    return absl::NotFoundError(absl::StrCat(
        where, "no folder of the PATH has such a program; install it, or write its path",
        exists(program) ? absl::StrCat(" (./", program, " for the one in this folder)") : "", "."));
  }
  if (error == ENOENT && exists(program)) {
    return absl::NotFoundError(absl::StrCat(
        where, "the file is there, but not the interpreter that its first line (#!) or its ",
        "header names; install that, or correct the line."));
  }
  if (error == ENOENT || error == ENOTDIR) {
    return absl::NotFoundError(absl::StrCat(where, "there is no such file; check the path."));
  }
  if (is_folder(program)) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, "it is a folder; write the path of a program in it."));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, "permission denied; make it executable (chmod +x), or start it with ",
                     "its interpreter."));
  }
  return absl::PermissionDeniedError(
      absl::StrCat(where, std::strerror(error), "; check the file and the limits (ulimit -a)."));
}

// The socket of the store is closed on exec, so that no program holds it by accident.
void keep_store_socket() {
  const char* fd = std::getenv(kStoreFdVariable);  // Rank 0 alone has it.
  if (fd != nullptr) fcntl(std::atoi(fd), F_SETFD, 0);
}

}  // namespace

absl::StatusOr<ProgramExecution> ProgramExecution::prepare(const Command& command) {
  if (command.argv.empty()) {
    return absl::InvalidArgumentError("there is no program to execute; name one.");
  }
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_error("pipe2");
  return ProgramExecution(command, FileDescriptor(ends[0]), FileDescriptor(ends[1]));
}

ProgramExecution::ProgramExecution(const Command& command, FileDescriptor read_end,
                                   FileDescriptor write_end)
    : command_(command), read_end_(std::move(read_end)), write_end_(std::move(write_end)) {}

void ProgramExecution::execute() const {
  if (command_.takes_store_socket) keep_store_socket();
  std::vector<char*> argv;
  for (const std::string& word : command_.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t size = write(write_end_.get(), &error, sizeof(error));
  _exit(execution_exit_code(execution_error(command_, error)));
}

absl::Status ProgramExecution::failure() {
  int error = 0;
  if (error_ == 0 && read(read_end_.get(), &error, sizeof(error)) == sizeof(error)) error_ = error;
  return error_ == 0 ? absl::OkStatus() : execution_error(command_, error_);
}

int execution_exit_code(const absl::Status& failure) {
  return absl::IsNotFound(failure) ? 127 : 126;
}

}  // namespace accelerate::launcher
