#include "launcher/config/atomic_file.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "formats/files/atomic_file.h"

namespace accelerate::launcher {
namespace {

absl::Status write(const std::string& path, const std::string& text, const WriteOptions& options) {
  absl::StatusOr<AtomicFile> file =
      AtomicFile::create(path, {.overwrite = options.overwrite, .is_named_by_user = true});
  if (!file.ok()) return file.status();
  const absl::Status status = file->append(text);
  return status.ok() ? file->commit() : status;
}

}  // namespace

absl::Status write_file_atomically(const std::string& path, const std::string& text,
                                   const WriteOptions& options) {
  const absl::Status status = write(path, text, options);
  if (!absl::IsAlreadyExists(status)) return status;
  return absl::AlreadyExistsError(absl::StrCat("Configuration already exists at ", path,
                                               ", will not override. Remove it, or name another ",
                                               "file."));
}

}  // namespace accelerate::launcher
