// Finds the files that a program's BUILD rule lists under `data`, wherever the program was started.
//
//   const std::string path = accelerate::data_file("my_workspace/train/data/digits.csv");
//
// Not for files that the user names: those are paths as they are.
#pragma once

#include <string>

namespace accelerate {

// The path of a file by the name of its workspace and its path there. Works under `bazel run`,
// `bazel test` and for the executable alone as long as its .runfiles folder is beside it. Throws
// c10::Error when there is none.
std::string data_file(const std::string& name);

}  // namespace accelerate
