#include "launcher/config/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

absl::Status cannot_write(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("`", path, "` cannot be written: ", why,
                   ". Nothing was changed; correct it, or name another "
                   "file."));
}

absl::Status already_exists(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat("Configuration already exists at ", path,
                                               ", will not override. Remove it, or name another ",
                                               "file."));
}

// A file beside the one to write, so that a rename will do; removed unless it has been renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target) {
    // Unlike mkstemp's, with the permissions that the umask leaves, as for any new file.
    for (int attempt = 0; attempt < 100 && descriptor_ < 0; ++attempt) {
      path_ = absl::StrCat(target, ".", getpid(), ".", attempt, ".tmp");
      descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (descriptor_ < 0 && errno != EEXIST) return;
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (descriptor_ >= 0 && !renamed_) unlink(path_.c_str());
  }

  bool is_open() const { return descriptor_ >= 0; }

  // False, with errno, where any step fails.
  bool fill(const std::string& text, std::optional<mode_t> permissions) {
    if (permissions.has_value() && fchmod(descriptor_, *permissions) != 0) return false;
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t size = write(descriptor_, text.data() + done, text.size() - done);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return false;
      done += static_cast<std::size_t>(size);
    }
    return fsync(descriptor_) == 0;
  }

  bool rename_to(const std::string& target, bool overwrite) {
    if (overwrite) {
      renamed_ = rename(path_.c_str(), target.c_str()) == 0;
      return renamed_;
    }
    renamed_ = renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0;
    if (renamed_ || (errno != EINVAL && errno != ENOSYS)) return renamed_;
    // This file system cannot look and rename in one step; a link refuses what is there as well.
    return link(path_.c_str(), target.c_str()) == 0;
  }

 private:
  std::string path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

// Where a file of that name is or would be, behind symbolic links.
absl::StatusOr<std::string> follow_links(const std::string& path) {
  std::filesystem::path target = path;
  constexpr int kMostLinks = 40;
  for (int links = 0; links <= kMostLinks; ++links) {
    std::error_code error;
    if (!std::filesystem::is_symlink(target, error)) return target.string();
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) return cannot_write(path, error.message());
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return cannot_write(path, std::strerror(ELOOP));
}

// The rename itself is not on the disk before its folder is.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

absl::Status write_file_atomically(const std::string& path, const std::string& text,
                                   const WriteOptions& options) {
  const absl::StatusOr<std::string> target = follow_links(path);
  if (!target.ok()) return target.status();
  std::optional<mode_t> permissions;
  struct stat old;
  if (stat(target->c_str(), &old) == 0) {
    if (!S_ISREG(old.st_mode)) return cannot_write(path, "it is there and is no regular file");
    if (!options.overwrite) return already_exists(path);
    permissions = old.st_mode & 07777;
  }
  std::filesystem::path folder = std::filesystem::path(*target).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return cannot_write(path, error.message());

  TemporaryFile file(*target);
  if (!file.is_open()) return cannot_write(path, std::strerror(errno));
  // The disk is full, say, which no other words of the user's would change.
  if (!file.fill(text, permissions)) {
    return absl::ResourceExhaustedError(cannot_write(path, std::strerror(errno)).message());
  }
  if (!file.rename_to(*target, options.overwrite)) {
    return errno == EEXIST ? already_exists(path) : cannot_write(path, std::strerror(errno));
  }
  sync_folder(folder);
  return absl::OkStatus();
}

}  // namespace accelerate::launcher
