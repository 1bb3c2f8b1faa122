// The file that makes a folder a checkpoint: `commit.json`, which is written last and lists every
// other file with its size and checksums. A folder without it is unfinished. It ends with its own
// checksum: the CRC-32 of all bytes before the comma in front of it.
//
// Example:
//   absl::StatusOr<Commit> commit = read_commit("run1/checkpoint_3");
//   if (!commit.ok()) return fail(commit.status());
//   std::cout << commit->saved_at << ", step " << commit->step << "\n";
//
// Not for the contents of the files, which are safetensors files and a JSON document of the
// library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::checkpoints {

inline constexpr char kCommitFile[] = "commit.json";

// A range of bytes in a file, as one process wrote it.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t crc32 = 0;  // As of zlib's and Python's crc32().

  bool operator==(const Extent&) const = default;
};

struct CheckpointFile {
  std::string name;             // Within the folder.
  std::uint64_t size = 0;       // In bytes.
  std::vector<Extent> extents;  // All of the file, in the order of their offsets.

  bool operator==(const CheckpointFile&) const = default;
};

struct Commit {
  std::string id;          // Unlike that of any other checkpoint: 16 hexadecimal digits.
  std::string saved_at;    // In UTC, as 2026-11-29T14:30:00Z.
  std::int64_t epoch = 0;  // This and the next from 0 on.
  std::int64_t step = 0;
  int world_size = 1;     // At least 1.
  std::string strategy;   // As "multi_cpu".
  std::string precision;  // As "bf16".
  std::string version;    // Of this library.
  std::vector<CheckpointFile> files;

  bool operator==(const Commit&) const = default;
};

// The sum of the sizes of all files, in bytes.
std::uint64_t total_size(const Commit& commit);

// The text of the file, readable by people and programs.
std::string commit_text(const Commit& commit);
// InvalidArgument, with half a sentence that names no file, if the text has another form or a newer
// version, or if the extents of a file overlap or leave gaps.
absl::StatusOr<Commit> parse_commit(const std::string& text);

// Reads the commit file of a checkpoint's folder. NotFound if there is none, so that the checkpoint
// is unfinished or not a checkpoint at all; InvalidArgument if it is damaged. The message names the
// file.
absl::StatusOr<Commit> read_commit(const std::string& folder);
// Writes the file atomically and flushes it to the disk. InvalidArgument if parse_commit() would
// reject it.
absl::Status write_commit(const std::string& folder, const Commit& commit);

}  // namespace accelerate::checkpoints
