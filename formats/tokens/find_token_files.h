// The files of a data set of tokens, by their names or by patterns.
//
// Example:
//   absl::StatusOr<std::vector<std::string>> paths = find_token_files({"train_*.bin"});
//   if (!paths.ok()) return paths.status();
//   for (const std::string& path : *paths) std::cout << path << "\n";
//
// Not for files of other kinds: what it knows about indexes holds for tokens.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate {

// The files that the patterns name, `*`, `?` and `[...]` as in a shell, sorted byte by byte, each
// once. Of an index (x.idx) it is the data (x.bin); `x` stands for these where there is no file of
// that name. NotFound, with the pattern, where one names no file.
absl::StatusOr<std::vector<std::string>> find_token_files(const std::vector<std::string>& patterns);

}  // namespace accelerate
