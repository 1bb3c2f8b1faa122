// Helpers for tests of launched programs: ways to start launching_program, whose path is in the
// variable LAUNCHING_PROGRAM.
//
// Example:
//   Subprocess program(shells({"--num_processes=2"}, "echo $RANK"));
//
// Not for programs that launch themselves: for those there is supervised_program.
#pragma once

#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {

// The options that run launching_program with these arguments.
SubprocessOptions launched(std::vector<std::string> arguments);

// The same with a shell on each rank, which runs `script`.
SubprocessOptions shells(std::vector<std::string> flags, const std::string& script);

// Makes a file in the test's own folder, and returns its path.
std::string temporary_file(const std::string& name, const std::string& text);

// The same with permission to execute it.
std::string temporary_program(const std::string& name, const std::string& text);

// The content of a file.
std::string read_file(const std::string& path);

}  // namespace accelerate::launcher
