// Writes one process's share of a checkpoint's files.
//
// Part of the checkpoints; not for others.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accelerate/checkpoint/contents.h"
#include "formats/checkpoints/commit.h"

namespace accelerate::internal {

// By the index of the file in the contents.
using WrittenShare = std::vector<std::vector<checkpoints::Extent>>;

// Of files that others may be writing to at the same time; they are made where they are not there.
// All is on the disk afterwards. With `copy`, these bytes, one piece behind the other, are written
// in the place of what the contents hold by now. ResourceExhausted where there is no space,
// FailedPrecondition where the system refuses; both name the file.
absl::StatusOr<WrittenShare> write_share(Contents& contents, const std::vector<Piece>& pieces,
                                         const std::string& folder, const char* copy);

// As a commit lists them: the shares of all writers.
std::vector<checkpoints::CheckpointFile> files_of(const Contents& contents,
                                                  const std::vector<WrittenShare>& shares);

// For the way from one writer to another.
std::string share_text(const WrittenShare& share);
absl::StatusOr<WrittenShare> parse_share(const std::string& text);

}  // namespace accelerate::internal
