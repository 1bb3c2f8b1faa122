// The bytes of a file, mapped into memory: the system loads bytes that are accessed, and drops them
// when memory is short.
//
// Example:
//   absl::StatusOr<MappedFile> file = MappedFile::open(path);
//   if (!file.ok()) return file.status();
//   const std::uint64_t spaces = std::count(file->bytes().begin(), file->bytes().end(), ' ');
//
// Not for files that become shorter while they are mapped: an access beyond the end kills the
// process with SIGBUS. Replace such a file with a new one of the same name instead (AtomicFile
// does). Not for pipes and devices, which are rejected.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace accelerate {

// Reading it is thread-safe.
class MappedFile {
 public:
  // NotFound if there is no such file; InvalidArgument if it is not a regular file;
  // PermissionDenied if it cannot be read; ResourceExhausted if it cannot be mapped.
  static absl::StatusOr<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  // All bytes that the file had when it was opened.
  absl::string_view bytes() const { return {data_, size_}; }

  // Starts to load bytes that will be needed soon, without waiting for them. For places that are
  // far apart; consecutive bytes are loaded ahead without it.
  void load_ahead(std::size_t offset, std::size_t size) const;
  // Gives back the memory of bytes that were accessed; they are loaded again at the next access.
  void release_memory() const;

 private:
  MappedFile(std::string path, const char* data, std::size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const char* data_;
  std::size_t size_;
};

}  // namespace accelerate
