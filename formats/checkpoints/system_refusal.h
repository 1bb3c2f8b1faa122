// Part of the checkpoints; not for others. An error of the system that concerns a path.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/text/printable.h"

namespace accelerate::checkpoints {

// The message is "`path` `what`: " and the system's words for `error`; the code tells what kind of
// error it is.
inline absl::Status system_refusal(const std::string& path, const std::string& what, int error) {
  const auto message = [&](const char* remedy) {
    return absl::StrCat(launcher::plain(path), " ", what, ": ", std::strerror(error), "; ", remedy);
  };
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message("correct the path."));
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message("check the permissions of the folder."));
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message("make room on that disk."));
    default:
      return absl::FailedPreconditionError(message("check the path and its disk."));
  }
}

}  // namespace accelerate::checkpoints
