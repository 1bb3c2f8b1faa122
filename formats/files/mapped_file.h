// The bytes of a file, read by looking at memory: the system loads those that are looked at, and
// takes them back when memory is short.
//
// Example:
//   absl::StatusOr<MappedFile> file = MappedFile::open(path);
//   if (!file.ok()) return file.status();
//   const std::uint64_t spaces = std::count(file->bytes().begin(), file->bytes().end(), ' ');
//
// Not for files that become shorter while they are mapped: a look behind their end kills the
// process with SIGBUS. Replace them by another file of the name instead (AtomicFile does). Not for
// pipes and devices either, which are refused.
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
  // NotFound where there is no such file; InvalidArgument where it is no regular file;
  // PermissionDenied where it cannot be read, and ResourceExhausted where it cannot be mapped.
  static absl::StatusOr<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  // All of them, as they were at the opening.
  absl::string_view bytes() const { return {data_, size_}; }

  // Begins to load bytes that will be looked at soon, without waiting for them. For places far
  // apart: what lies in a row is loaded ahead without it.
  void load_ahead(std::size_t offset, std::size_t size) const;
  // Gives the memory of what was looked at back; it is loaded again at the next look.
  void release_memory() const;

 private:
  MappedFile(std::string path, const char* data, std::size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const char* data_;
  std::size_t size_;
};

}  // namespace accelerate
