// The second table of `accelerate estimate-memory`: the memory that each process of a training run
// takes.
//
// Example:
//   const absl::StatusOr<std::string> table = training_table(arguments, path, *files);
//   if (!table.ok()) return fail(table.status());
//   std::cout << *table;
//
// Not for the first table, which is the same as the Python command's.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/model.h"
#include "launcher/cli/arguments.h"

namespace accelerate::launcher {

// Any one of them requests the table.
const std::vector<Flag>& training_table_flags();

// Empty if none of the flags was given. `path` is where the files were found. InvalidArgument says
// which flag is wrong and why.
absl::StatusOr<std::string> training_table(const Arguments& arguments, const std::string& path,
                                           const std::vector<safetensors::ModelFile>& files);

}  // namespace accelerate::launcher
