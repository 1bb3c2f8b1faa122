// Finds the files of a data set of tokens, by their names or by patterns.
//
// Example:
//   absl::StatusOr<std::vector<std::string>> paths = find_token_files({"train_*.bin"});
//   if (!paths.ok()) return paths.status();
//   for (const std::string& path : *paths) std::cout << path << "\n";
//
// Not for other kinds of files: it applies the rules for indexes of token files.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate {

// The files that match the patterns (`*`, `?` and `[...]` as in a shell), sorted byte by byte, each
// once. An index (x.idx) stands for its data (x.bin), and so does `x` if there is no file of that
// name. NotFound, with the pattern, if a pattern matches no file.
absl::StatusOr<std::vector<std::string>> find_token_files(const std::vector<std::string>& patterns);

}  // namespace accelerate
