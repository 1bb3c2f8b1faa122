// Where a program comes from, which decides what the launcher can ask of it.
//
// Example:
//   absl::Status status = check_request(request, ProgramOrigin::kHere);  // request_checks.h
//
// Not a kind of file: ProgramKind (command.h) says how something is executed.
#pragma once

namespace accelerate::launcher {

enum class ProgramOrigin {
  kHere,       // Built with this library: it rejects what this library lacks.
  kElsewhere,  // Anything else, such as a Python script: it gets all settings.
};

}  // namespace accelerate::launcher
