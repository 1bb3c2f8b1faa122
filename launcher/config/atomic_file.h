// Writes a file completely or not at all.
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

// Makes `path`, and missing folders, with the content `text`; follows a symbolic link and keeps it.
// A concurrent reader, and a failure, see the old content or the new one. An old file keeps its
// permissions. AlreadyExists if there is a file and `overwrite` is false, FailedPrecondition if the
// system refuses, ResourceExhausted if there is no space.
absl::Status write_file_atomically(const std::string& path, const std::string& text,
                                   const WriteOptions& options = {});

}  // namespace accelerate::launcher
