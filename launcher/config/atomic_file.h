// Writing a file so that it is there in full or not at all.
//
// Example:
//   absl::Status status = write_file_atomically(path, text, {.overwrite = true});
//
// Not for large or growing files: the whole text is written each time.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace accelerate::launcher {

struct WriteOptions {
  bool overwrite = false;
};

// Makes `path`, and the folders that it lacks, with the content `text`; a symbolic link is followed
// and stays. Whoever reads meanwhile, and whatever fails, sees the old content or the new one. An
// old file keeps its permissions. AlreadyExists where there is a file and `overwrite` is false,
// FailedPrecondition where the system refuses, ResourceExhausted where there is no space.
absl::Status write_file_atomically(const std::string& path, const std::string& text,
                                   const WriteOptions& options = {});

}  // namespace accelerate::launcher
