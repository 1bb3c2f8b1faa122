// A file that is written piece by piece, and appears completely or not at all.
//
// Example:
//   absl::StatusOr<AtomicFile> file =
//       AtomicFile::create(path, {.overwrite = true, .is_named_by_user = true});
//   if (!file.ok()) return file.status();
//   for (const std::string& piece : pieces) {
//     if (const absl::Status status = file->append(piece); !status.ok()) return status;
//   }
//   return file->commit();
//
// Whatever fails, readers see either the old content or the new one; a reader that has the old file
// open or mapped keeps it. If the file system supports files without a name (O_TMPFILE), even a
// killed process leaves nothing behind; elsewhere it leaves `PATH.PID.0.tmp`.
//
// Not for files that others read while they grow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace accelerate {

struct AtomicFileOptions {
  // Whether an existing file is replaced. Its permissions are kept.
  bool overwrite = false;
  // Whether a user gave the path. A symbolic link is then followed, and stays. If the program chose
  // the name itself, a link may be another user's attempt to have a file of this user overwritten:
  // it is never followed, but replaced like any other file.
  bool is_named_by_user = false;
};

// Not thread-safe. All errors name the file. FailedPrecondition if the system refuses,
// ResourceExhausted if there is no space; after either, the object can only be destroyed.
class AtomicFile {
 public:
  // Creates missing folders of `path`. AlreadyExists if there is a file and `overwrite` is false.
  static absl::StatusOr<AtomicFile> create(const std::string& path,
                                           const AtomicFileOptions& options = {});

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) = delete;
  // Removes what was written, unless it was committed.
  ~AtomicFile();

  absl::Status append(absl::string_view bytes);

  // Replaces bytes that were appended before.
  absl::Status overwrite(std::uint64_t offset, absl::string_view bytes);

  // Up to `longest` bytes of what was appended, from `offset` on; none at the end.
  absl::StatusOr<std::string> read(std::uint64_t offset, std::uint64_t longest) const;

  // Truncates what was appended to its first `size` bytes.
  absl::Status truncate(std::uint64_t size);

  // Bytes appended so far.
  std::uint64_t size() const;

  // Flushes everything to the disk, and gives the file its name. Call it once, at the end.
  absl::Status commit();

 private:
  struct Contents;
  explicit AtomicFile(std::unique_ptr<Contents> contents);

  std::unique_ptr<Contents> contents_;
};

}  // namespace accelerate
