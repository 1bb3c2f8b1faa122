#include "formats/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate {
namespace {

absl::Status cannot_read(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return absl::NotFoundError(
        absl::StrCat(path, ": there is no such file; correct the path, or put the file there."));
  }
  return absl::PermissionDeniedError(absl::StrCat(path, " cannot be read: ", std::strerror(error),
                                                  "; check its permissions and its disk."));
}

// Closes a descriptor; the mapping does without.
class Closing {
 public:
  explicit Closing(int descriptor) : descriptor_(descriptor) {}
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  ~Closing() { close(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

absl::StatusOr<MappedFile> MappedFile::open(const std::string& path) {
  // Without waiting for the writer of a pipe.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return cannot_read(path, errno);
  const Closing closing(descriptor);
  struct stat status;
  if (fstat(descriptor, &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a regular file; give the path of a file on a disk."));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile(path, nullptr, 0);
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " cannot be mapped into memory: ", std::strerror(errno),
                     "; raise the limits of this process (ulimit -v), or split the file."));
  }
  return MappedFile(path, static_cast<const char*>(data), size);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

void MappedFile::load_ahead(std::size_t offset, std::size_t size) const {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (size == 0) return;
  const std::size_t begin = offset / page * page;
  madvise(const_cast<char*>(data_) + begin, offset + size - begin, MADV_WILLNEED);
}

void MappedFile::release_memory() const {
  if (data_ != nullptr) madvise(const_cast<char*>(data_), size_, MADV_DONTNEED);
}

}  // namespace accelerate
