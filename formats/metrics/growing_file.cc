#include "formats/metrics/growing_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "launcher/posix/whole_write.h"

namespace accelerate::metrics {
namespace {

constexpr mode_t kPermissions = 0666;  // Less what the umask takes, as for any new file.

}  // namespace

GrowingFile::GrowingFile(std::string path, std::string head)
    : path_(std::move(path)), head_(std::move(head)) {}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : path_(std::move(other.path_)),
      head_(std::move(other.head_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      torn_at_(other.torn_at_) {}

GrowingFile::~GrowingFile() { close(); }

void GrowingFile::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

absl::Status GrowingFile::refusal(int error) {
  // What has failed once may be another file, or another mount, by the next time.
  close();
  const bool is_full = error == ENOSPC || error == EDQUOT;
  const char* const remedy = is_full          ? "make room on that disk"
                             : error == EFBIG ? "raise the limit of a file's size (ulimit -f)"
                                              : "check its folder and its disk";
  const std::string message =
      absl::StrCat("`", path_, "` cannot be written: ", std::strerror(error), "; ", remedy, ".");
  return is_full ? absl::ResourceExhaustedError(message) : absl::FailedPreconditionError(message);
}

absl::Status GrowingFile::open() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return refusal(error.value());
  // A link in a run's folder leads to what is not the run's.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  descriptor_ = ::open(path_.c_str(), kFlags, kPermissions);
  return descriptor_ < 0 ? refusal(errno) : absl::OkStatus();
}

absl::Status GrowingFile::append(absl::string_view record) {
  struct stat file;
  if (descriptor_ >= 0 && (fstat(descriptor_, &file) != 0 || file.st_nlink == 0)) {
    // What is written to a file without a name is lost.
    close();
    torn_at_.reset();
  }
  if (descriptor_ < 0) {
    const absl::Status status = open();
    if (!status.ok()) return status;
    if (fstat(descriptor_, &file) != 0) return refusal(errno);
  }
  auto size = static_cast<std::uint64_t>(file.st_size);
  if (torn_at_.has_value() && *torn_at_ < size) {
    if (ftruncate(descriptor_, static_cast<off_t>(*torn_at_)) != 0) return refusal(errno);
    size = *torn_at_;
  }
  torn_at_.reset();
  // The first record comes with the head, so that neither is there alone.
  const std::string first = size == 0 ? absl::StrCat(head_, record) : std::string();
  const absl::string_view bytes = size == 0 ? absl::string_view(first) : record;
  const auto end = launcher::write_whole(descriptor_, {bytes.data(), bytes.size()});
  if (end.error == 0) return absl::OkStatus();
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) torn_at_ = size;
  return refusal(end.error);
}

absl::Status GrowingFile::cut(std::uint64_t size) {
  close();
  torn_at_.reset();
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor_ < 0 || ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    return refusal(errno);
  }
  return absl::OkStatus();
}

void GrowingFile::was_replaced(std::string head) {
  close();
  torn_at_.reset();
  head_ = std::move(head);
}

}  // namespace accelerate::metrics
