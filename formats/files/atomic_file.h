// A file that is written piece by piece and is there in full or not at all.
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
// Whoever reads meanwhile, and whatever fails, sees the old content or the new one; who has the old
// file open, or mapped, keeps it. Where the file system has files without a name (O_TMPFILE), not
// even a process that is killed leaves anything behind; elsewhere it leaves `PATH.PID.0.tmp`.
//
// Not for files that others are to read while they grow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace accelerate {

struct AtomicFileOptions {
  // Whether a file that is there already is replaced. It keeps its permissions.
  bool overwrite = false;
  // Whether a person has given the path. Then a symbolic link is followed, and stays. A link where
  // the program itself has chosen the name may be another user's, who wants some file of this one's
  // written: it is never followed, but is what any other file there is, and replaced as such.
  bool is_named_by_user = false;
};

// Not thread-safe. All errors name the file. FailedPrecondition where the system refuses, and
// ResourceExhausted where there is no space; after either, the file can only be destroyed.
class AtomicFile {
 public:
  // Makes the folders that `path` lacks. AlreadyExists where there is a file and `overwrite` is
  // false.
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

  // Cuts off what was appended behind the first `size` bytes.
  absl::Status truncate(std::uint64_t size);

  // Appended so far, in bytes.
  std::uint64_t size() const;

  // Sees to it that all is on the disk, and gives it its name. To be called once, at the end.
  absl::Status commit();

 private:
  struct Contents;
  explicit AtomicFile(std::unique_ptr<Contents> contents);

  std::unique_ptr<Contents> contents_;
};

}  // namespace accelerate
