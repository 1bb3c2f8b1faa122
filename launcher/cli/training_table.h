// The second table of `accelerate estimate-memory`: what each process of a training takes.
//
// Example:
//   const absl::StatusOr<std::string> table = training_table(arguments, path, *files);
//   if (!table.ok()) return fail(table.status());
//   std::cout << *table;
//
// Not for the first table, which is that of the Python command.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/model.h"
#include "launcher/cli/arguments.h"

namespace accelerate::launcher {

// Each of them asks for the table.
const std::vector<Flag>& training_table_flags();

// Empty where none of the flags was given. `path` is where the files were found. InvalidArgument
// says what is wrong with which flag.
absl::StatusOr<std::string> training_table(const Arguments& arguments, const std::string& path,
                                           const std::vector<safetensors::ModelFile>& files);

}  // namespace accelerate::launcher
