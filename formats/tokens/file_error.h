// Part of the readers of token files; not for others. Says what is wrong in a file, and where.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate {

inline absl::Status token_file_error(const std::string& path, std::uint64_t offset,
                                     const std::string& problem, const std::string& remedy) {
  return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read as tokens: at byte ",
                                                 offset, ", ", problem, "; ", remedy, "."));
}

inline constexpr char kWriteAnew[] = "copy the file again, or write it again";

}  // namespace accelerate
