// Finds the files that a program's BUILD rule lists under `data`, wherever the program is started.
//
//   const std::string path = accelerate::data_file("my_workspace/train/data/digits.csv");
//
// Not for files that the user names: use those paths unchanged.
#pragma once

#include <string>

namespace accelerate {

// Returns the path of a file; `name` is the workspace's name and the path inside it. Works under
// `bazel run`, under `bazel test`, and for the executable alone if its .runfiles folder is beside
// it. Throws c10::Error if there is no such file.
std::string data_file(const std::string& name);

}  // namespace accelerate
