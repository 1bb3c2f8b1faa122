// A file of known size that is read from its beginning, with a status for every error.
//
// Example:
//   absl::StatusOr<InputFile> file = InputFile::open(path);
//   if (!file.ok()) return file.status();
//   absl::StatusOr<std::string> magic = file->read(8);
//
// Not for pipes and devices, whose size says nothing: they are rejected.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace accelerate::safetensors {

// Not thread-safe.
class InputFile {
 public:
  // NotFound if there is no such file; otherwise the status says why it cannot be read.
  static absl::StatusOr<InputFile> open(const std::string& path);

  std::uint64_t size() const { return size_; }

  // The next `count` bytes, all of them.
  absl::StatusOr<std::string> read(std::uint64_t count);

 private:
  InputFile(const std::string& path, std::ifstream stream, std::uint64_t size)
      : path_(path), stream_(std::move(stream)), size_(size) {}

  std::string path_;
  std::ifstream stream_;
  std::uint64_t size_;
};

}  // namespace accelerate::safetensors
