// The names of TensorBoard's event files, by which it finds and orders them.
//
// Example:
//   const auto files = tensorboard::find_event_files("runs/first");
//   if (files.ok()) std::cout << files->size() << " event files\n";
//
// Not for finding runs in subfolders: each folder is one run.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace accelerate::tensorboard {

// Whether a file is an event file, by its name.
bool is_event_file(absl::string_view name);

// The paths of the event files of a folder, in the order in which they were begun.
absl::StatusOr<std::vector<std::string>> find_event_files(const std::string& folder);

// The path of a new event file in the folder, after the existing ones, begun at `time`.
std::string new_event_file(const std::string& folder, double time);

}  // namespace accelerate::tensorboard
