#include "launcher/plan/command.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "launcher/env/program_mark.h"
#include "launcher/env/python_interpreter.h"

namespace accelerate::launcher {
namespace {

bool is_plain(char character) {
  return absl::ascii_isalnum(static_cast<unsigned char>(character)) ||
         std::string_view("_-./=:,+@%").find(character) != std::string_view::npos;
}

std::string quoted(const std::string& word) {
  bool plain = !word.empty();
  for (const char character : word) plain = plain && is_plain(character);
  if (plain) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

ProgramKind kind_of(const ProgramRequest& request) {
  if (request.module) return ProgramKind::kPythonModule;
  if (!request.no_python && absl::EndsWith(request.program, ".py")) {
    return ProgramKind::kPythonScript;
  }
  return ProgramKind::kExecutable;
}

absl::Status check_request(const ProgramRequest& request) {
  if (request.program.empty()) {
    return absl::InvalidArgumentError(
        "there is no program to launch; name one after the launch flags.");
  }
  if (request.module && request.no_python) {
    return absl::InvalidArgumentError(
        "--module and --no_python cannot be used together; leave one of them out.");
  }
  if (kind_of(request) == ProgramKind::kExecutable && !request.python_flags.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--python_flags=", request.python_flags, " is for the Python interpreter, but ",
        request.program, " is executed directly; leave the flag out",
        request.no_python ? ", or --no_python."
                          : ", or name a script (.py) or a module (--module)."));
  }
  return absl::OkStatus();
}

// Here, because each rank's interpreter would say it once.
absl::Status check_script(const std::string& script) {
  if (access(script.c_str(), R_OK) == 0) return absl::OkStatus();
  const int error = errno;
  const std::string where =
      absl::StrCat("cannot read the Python script ", script, ": ", std::strerror(error));
  if (error == EACCES) {
    return absl::PermissionDeniedError(absl::StrCat(where, "; make it readable (chmod +r)."));
  }
  return absl::NotFoundError(absl::StrCat(where, "; check the path."));
}

}  // namespace

std::string find_program(const std::string& program, const EnvironmentLookup& lookup) {
  if (absl::StrContains(program, '/')) return program;
  const std::string folders = lookup("PATH").value_or("");
  for (const absl::string_view folder : absl::StrSplit(folders, ':')) {
    // An empty entry is the working folder.
    const std::string path = absl::StrCat(folder.empty() ? "." : folder, "/", program);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

absl::StatusOr<Command> make_command(const ProgramRequest& request,
                                     const EnvironmentLookup& lookup) {
  absl::Status status = check_request(request);
  Command command = {.kind = kind_of(request)};
  if (status.ok() && command.kind == ProgramKind::kPythonScript) {
    status = check_script(request.program);
  }
  if (!status.ok()) return status;

  if (command.kind != ProgramKind::kExecutable) {
    command.argv.push_back(python_interpreter(lookup));
    for (const absl::string_view flag :
         absl::StrSplit(request.python_flags, ' ', absl::SkipEmpty())) {
      command.argv.emplace_back(flag);
    }
  }
  if (command.kind == ProgramKind::kPythonModule) command.argv.push_back("-m");
  command.argv.push_back(request.program);
  command.takes_store_socket = command.kind == ProgramKind::kExecutable &&
                               has_program_mark(find_program(request.program, lookup));
  command.argv.insert(command.argv.end(), request.arguments.begin(), request.arguments.end());
  return command;
}

std::string to_string(const Command& command) {
  std::string text;
  for (const std::string& word : command.argv) {
    absl::StrAppend(&text, text.empty() ? "" : " ", quoted(word));
  }
  return text;
}

}  // namespace accelerate::launcher
