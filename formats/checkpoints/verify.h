// Checks whether the files of a checkpoint are what was saved.
//
// Example:
//   absl::StatusOr<Commit> commit = read_commit(folder);
//   if (commit.ok()) std::cout << verify(folder, *commit);
//
// Every error names the file and what differs: NotFound if it is missing, DataLoss if it is not
// what was saved, otherwise the system's error. Additional files in the folder are ignored.
// Thread-safe.
//
// Not for finding checkpoints: see checkpoint_folder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/checkpoints/commit.h"

namespace accelerate::checkpoints {

// The checksum of an Extent. For bytes in several pieces, pass the checksum of the earlier pieces
// as `before`.
std::uint32_t crc32(absl::string_view bytes, std::uint32_t before = 0);

// Checks that each file exists and has its size; reads none.
absl::Status verify_sizes(const std::string& folder, const Commit& commit);

// Reads the bytes of an extent in small pieces and compares their checksum.
absl::Status verify_extent(const std::string& folder, const CheckpointFile& file,
                           const Extent& extent);

// Does both, for every byte.
absl::Status verify(const std::string& folder, const Commit& commit);

}  // namespace accelerate::checkpoints
