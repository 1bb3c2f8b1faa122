// Whether the files of a checkpoint are what was saved.
//
// Example:
//   absl::StatusOr<Commit> commit = read_commit(folder);
//   if (commit.ok()) std::cout << verify(folder, *commit);
//
// Every error names the file, and what of it differs: NotFound where it is missing, DataLoss where
// it is not what was saved, or else what the system says. Other files in the folder may be there.
// Thread-safe.
//
// Not for whether there is a checkpoint at all: that is checkpoint_folder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/checkpoints/commit.h"

namespace accelerate::checkpoints {

// The checksum of an Extent; of bytes that come in pieces, each call takes that of those before.
std::uint32_t crc32(absl::string_view bytes, std::uint32_t before = 0);

// Whether each file is there and of its size; reads none.
absl::Status verify_sizes(const std::string& folder, const Commit& commit);

// Reads bytes of a file, in small pieces, and compares their checksum.
absl::Status verify_extent(const std::string& folder, const CheckpointFile& file,
                           const Extent& extent);

// Both, of every byte.
absl::Status verify(const std::string& folder, const Commit& commit);

}  // namespace accelerate::checkpoints
