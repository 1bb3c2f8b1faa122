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

// The written extents of each file, by the file's index in the contents.
using WrittenShare = std::vector<std::vector<checkpoints::Extent>>;

// Writes the pieces to files in the folder, which other processes may be writing to at the same
// time. Creates missing files. Afterwards all bytes are on the disk. If `copy` is not null, it has
// the bytes of all pieces, one after the other, and they are written instead of what the contents
// now hold. ResourceExhausted if there is no space, FailedPrecondition if the system refuses; both
// name the file.
absl::StatusOr<WrittenShare> write_share(Contents& contents, const std::vector<Piece>& pieces,
                                         const std::string& folder, const char* copy);

// The files as a commit lists them, from the shares of all writers.
std::vector<checkpoints::CheckpointFile> files_of(const Contents& contents,
                                                  const std::vector<WrittenShare>& shares);

// A share as text, to pass it from one writer to another.
std::string share_text(const WrittenShare& share);
absl::StatusOr<WrittenShare> parse_share(const std::string& text);

}  // namespace accelerate::internal
