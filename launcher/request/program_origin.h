// Where a program comes from, which decides what it can be asked for.
//
// Example:
//   absl::Status status = check_request(request, ProgramOrigin::kHere);  // request_checks.h
//
// Not a kind of file: what is executed how is ProgramKind (command.h).
#pragma once

namespace accelerate::launcher {

enum class ProgramOrigin {
  kHere,       // Built with this library: it refuses what this library lacks.
  kElsewhere,  // Anything else, such as a Python script: it is passed what was asked for.
};

}  // namespace accelerate::launcher
