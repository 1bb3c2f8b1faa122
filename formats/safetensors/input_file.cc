#include "formats/safetensors/input_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::safetensors {
namespace {

absl::Status cannot_read(const std::string& path, const std::string& reason) {
  return absl::PermissionDeniedError(
      absl::StrCat(path, " cannot be read: ", reason, "; check its permissions and its disk."));
}

}  // namespace

absl::StatusOr<InputFile> InputFile::open(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(
        absl::StrCat(path, ": there is no such file; correct the path, or put the file there."));
  }
  if (error) return cannot_read(path, error.message());
  // Looked at before it is opened, because opening a pipe waits for a writer.
  if (status.type() != std::filesystem::file_type::regular) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a regular file; give the path of a file on a disk."));
  }
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) return cannot_read(path, error.message());
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return cannot_read(path, std::strerror(errno));
  return InputFile(path, std::move(stream), size);
}

absl::StatusOr<std::string> InputFile::read(std::uint64_t count) {
  std::string bytes(count, '\0');
  if (stream_.read(bytes.data(), static_cast<std::streamsize>(count))) return bytes;
  if (stream_.bad()) return cannot_read(path_, std::strerror(errno));
  return absl::InvalidArgumentError(
      absl::StrCat(path_, " became shorter while it was read; try again when it is complete."));
}

}  // namespace accelerate::safetensors
