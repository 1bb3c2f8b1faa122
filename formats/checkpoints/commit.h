// The file that makes a folder a checkpoint: `commit.json`, which is written last and names every
// other file with its size and checksums. A folder without it is unfinished. It ends with a
// checksum of its own: the CRC-32 of all bytes before the comma that leads to it.
//
// Example:
//   absl::StatusOr<Commit> commit = read_commit("run1/checkpoint_3");
//   if (!commit.ok()) return fail(commit.status());
//   std::cout << commit->saved_at << ", step " << commit->step << "\n";
//
// Not for what the files hold: those are safetensors files and a JSON of the library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::checkpoints {

inline constexpr char kCommitFile[] = "commit.json";

// A run of bytes of a file, as one process has written it.
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

// The sizes of all files.
std::uint64_t total_size(const Commit& commit);

// As the file has it, for people and programs to read.
std::string commit_text(const Commit& commit);
// InvalidArgument, half a sentence that names no file, where it is not of that form, of a newer
// version, or where the extents of a file leave something out or overlap.
absl::StatusOr<Commit> parse_commit(const std::string& text);

// Of a checkpoint's folder. NotFound where it has no such file, which means that it is unfinished
// or none at all; InvalidArgument where it is damaged. The message names the file.
absl::StatusOr<Commit> read_commit(const std::string& folder);
// Writes it, in full or not at all, and sees to it that it is on the disk. InvalidArgument where
// parse_commit() would refuse it.
absl::Status write_commit(const std::string& folder, const Commit& commit);

}  // namespace accelerate::checkpoints
