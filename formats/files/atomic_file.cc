#include "formats/files/atomic_file.h"

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
#include <utility>

#include "absl/strings/str_cat.h"
#include "launcher/posix/signals_of_writes.h"

namespace accelerate {
namespace {

constexpr mode_t kPermissions = 0666;  // Less what the umask takes, as for any new file.

// The file that is to be, in the words for errors.
struct Name {
  std::string path;  // As it was given.
  bool is_of_user = false;

  // Only whose name it is can choose another one.
  const char* or_another() const { return is_of_user ? ", or name another file." : "."; }

  std::string refusal(const std::string& why) const {
    return absl::StrCat("`", path, "` cannot be written: ", why, ". Nothing was changed; ",
                        is_of_user ? "correct it" : "check its folder and its disk", or_another());
  }
  absl::Status cannot_write(const std::string& why) const {
    return absl::FailedPreconditionError(refusal(why));
  }
  // The disk is full, say, which no other words of the user's would change.
  absl::Status no_space() const {
    return absl::ResourceExhaustedError(refusal(std::strerror(errno)));
  }
  absl::Status already_exists() const {
    return absl::AlreadyExistsError(
        absl::StrCat("`", path, "` exists and is not overwritten; remove it", or_another()));
  }
};

// Where a file of that name is or would be, behind symbolic links.
absl::StatusOr<std::string> follow_links(const Name& name) {
  std::filesystem::path target = name.path;
  constexpr int kMostLinks = 40;
  for (int links = 0; links <= kMostLinks; ++links) {
    std::error_code error;
    if (!std::filesystem::is_symlink(target, error)) return target.string();
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) return name.cannot_write(error.message());
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return name.cannot_write(std::strerror(ELOOP));
}

// The rename itself is not on the disk before its folder is.
void sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

std::string link_of(int descriptor) { return absl::StrCat("/proc/self/fd/", descriptor); }

}  // namespace

struct AtomicFile::Contents {
  ~Contents() {
    if (descriptor < 0) return;
    close(descriptor);
    if (!temporary.empty()) unlink(temporary.c_str());
  }

  // A file without a name, where the file system has such and it can be given one later.
  bool open_nameless() {
    descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kPermissions);
    if (descriptor < 0) return false;
    if (access(link_of(descriptor).c_str(), F_OK) == 0) return true;
    close(std::exchange(descriptor, -1));
    return false;
  }

  // Calls `make`, which returns whether it has made a file, with names beside the target until one
  // of them is free.
  template <class Make>
  bool with_free_name(Make&& make) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      const std::string free = absl::StrCat(target, ".", getpid(), ".", attempt, ".tmp");
      if (make(free.c_str())) {
        temporary = free;
        return true;
      }
      if (errno != EEXIST) return false;
    }
    return false;
  }

  bool open_named() {
    return with_free_name([this](const char* free) {
      descriptor = open(free, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kPermissions);
      return descriptor >= 0;
    });
  }

  bool give_name() {
    return with_free_name([this](const char* free) {
      return linkat(AT_FDCWD, link_of(descriptor).c_str(), AT_FDCWD, free, AT_SYMLINK_FOLLOW) == 0;
    });
  }

  bool rename_to_target() {
    if (overwrite) {
      if (rename(temporary.c_str(), target.c_str()) != 0) return false;
      temporary.clear();
      return true;
    }
    if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
      temporary.clear();
      return true;
    }
    if (errno != EINVAL && errno != ENOSYS) return false;
    // This file system cannot look and rename in one step; a link refuses what is there as well,
    // and so does an empty file where there are no links.
    if (link(temporary.c_str(), target.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    const int claim = open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPermissions);
    if (claim < 0) return false;
    close(claim);
    if (rename(temporary.c_str(), target.c_str()) == 0) {
      temporary.clear();
      return true;
    }
    const int error = errno;
    unlink(target.c_str());
    errno = error;
    return false;
  }

  // False, with errno, where it fails.
  bool write_at(std::uint64_t offset, absl::string_view bytes) const {
    const launcher::SignalsOfWrites guard;
    while (!bytes.empty()) {
      const ssize_t written =
          pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return true;
  }

  Name name;
  std::string target;  // Its path, behind symbolic links where they are followed.
  std::string folder;
  std::string temporary;  // Its name until it gets the target's; empty where it has none.
  bool overwrite = false;
  int descriptor = -1;
  std::uint64_t size = 0;
};

absl::StatusOr<AtomicFile> AtomicFile::create(const std::string& path,
                                              const AtomicFileOptions& options) {
  const Name name = {path, options.is_named_by_user};
  const absl::StatusOr<std::string> target = name.is_of_user ? follow_links(name) : path;
  if (!target.ok()) return target.status();
  if (std::filesystem::path(*target).filename().empty()) {
    return name.cannot_write("that is not the name of a file");
  }
  std::optional<mode_t> permissions;
  struct stat old;
  if (lstat(target->c_str(), &old) != 0) {
    // One that it cannot have should be told before all is written.
    if (errno != ENOENT) return name.cannot_write(std::strerror(errno));
  } else {
    const bool is_file = S_ISREG(old.st_mode) || S_ISLNK(old.st_mode);
    // A program that is to find a free name goes on to the next one, whatever has this.
    if (!is_file && (options.overwrite || name.is_of_user)) {
      return name.cannot_write("it exists and is not a regular file");
    }
    if (!options.overwrite) return name.already_exists();
    // Those of a link say nothing. Bits by which a program becomes somebody else were not given to
    // what is written now.
    if (S_ISREG(old.st_mode)) permissions = old.st_mode & 0777;
  }
  const std::filesystem::path parent = std::filesystem::path(*target).parent_path();
  auto contents = std::make_unique<Contents>();
  contents->name = name;
  contents->target = *target;
  contents->folder = parent.empty() ? "." : parent.string();
  contents->overwrite = options.overwrite;
  std::error_code error;
  std::filesystem::create_directories(contents->folder, error);
  if (error) return name.cannot_write(error.message());
  if (!contents->open_nameless() && !contents->open_named()) {
    return name.cannot_write(std::strerror(errno));
  }
  if (permissions.has_value() && fchmod(contents->descriptor, *permissions) != 0) {
    return name.cannot_write(std::strerror(errno));
  }
  return AtomicFile(std::move(contents));
}

AtomicFile::AtomicFile(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
AtomicFile::AtomicFile(AtomicFile&& other) noexcept = default;
AtomicFile::~AtomicFile() = default;

absl::Status AtomicFile::append(absl::string_view bytes) {
  if (!contents_->write_at(contents_->size, bytes)) return contents_->name.no_space();
  contents_->size += bytes.size();
  return absl::OkStatus();
}

absl::Status AtomicFile::overwrite(std::uint64_t offset, absl::string_view bytes) {
  if (!contents_->write_at(offset, bytes)) return contents_->name.no_space();
  return absl::OkStatus();
}

absl::StatusOr<std::string> AtomicFile::read(std::uint64_t offset, std::uint64_t longest) const {
  std::string bytes(longest, '\0');
  ssize_t count = 0;
  do {
    count = pread(contents_->descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  if (count < 0) return contents_->name.cannot_write(std::strerror(errno));
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

absl::Status AtomicFile::truncate(std::uint64_t size) {
  if (ftruncate(contents_->descriptor, static_cast<off_t>(size)) != 0) {
    return contents_->name.cannot_write(std::strerror(errno));
  }
  contents_->size = size;
  return absl::OkStatus();
}

std::uint64_t AtomicFile::size() const { return contents_->size; }

absl::Status AtomicFile::commit() {
  Contents& file = *contents_;
  if (fsync(file.descriptor) != 0) return file.name.no_space();
  if (file.temporary.empty() && !file.give_name()) {
    return file.name.cannot_write(std::strerror(errno));
  }
  if (!file.rename_to_target()) {
    return errno == EEXIST ? file.name.already_exists()
                           : file.name.cannot_write(std::strerror(errno));
  }
  sync_folder(file.folder);
  return absl::OkStatus();
}

}  // namespace accelerate
