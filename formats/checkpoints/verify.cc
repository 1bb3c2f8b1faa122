#include "formats/checkpoints/verify.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/checkpoints/descriptor.h"
#include "formats/checkpoints/system_refusal.h"
#include "launcher/text/printable.h"

namespace accelerate::checkpoints {
namespace {

constexpr std::uint64_t kBytesAtOnce = 1 << 20;
constexpr char kRemedy[] = "copy the file again, or use another checkpoint.";

std::string path_of(const std::string& folder, const CheckpointFile& file) {
  return (std::filesystem::path(folder) / file.name).string();
}

absl::Status damaged(const std::string& path, const std::string& problem) {
  return absl::DataLossError(absl::StrCat(launcher::plain(path), " ", problem, "; ", kRemedy));
}

absl::Status cannot_read(const std::string& path, int error) {
  if (error == ENOENT) {
    return absl::NotFoundError(
        absl::StrCat(launcher::plain(path),
                     " is missing, although the checkpoint was saved with it; ", kRemedy));
  }
  return system_refusal(path, "cannot be read", error);
}

absl::Status check_kind(const std::string& path, const struct stat& status) {
  return S_ISREG(status.st_mode) ? absl::OkStatus() : damaged(path, "is not a regular file");
}

}  // namespace

std::uint32_t crc32(absl::string_view bytes, std::uint32_t before) {
  // For which zlib would begin anew.
  if (bytes.empty()) return before;
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

absl::Status verify_sizes(const std::string& folder, const Commit& commit) {
  for (const CheckpointFile& file : commit.files) {
    const std::string path = path_of(folder, file);
    struct stat status;
    if (stat(path.c_str(), &status) != 0) return cannot_read(path, errno);
    if (const absl::Status kind = check_kind(path, status); !kind.ok()) return kind;
    if (static_cast<std::uint64_t>(status.st_size) != file.size) {
      return damaged(
          path, absl::StrCat("has ", status.st_size, " bytes, but was saved with ", file.size));
    }
  }
  return absl::OkStatus();
}

absl::Status verify_extent(const std::string& folder, const CheckpointFile& file,
                           const Extent& extent) {
  const std::string path = path_of(folder, file);
  // Without waiting for the writer of a pipe.
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status;
  if (!descriptor.is_open() || fstat(descriptor.get(), &status) != 0) {
    return cannot_read(path, errno);
  }
  if (const absl::Status kind = check_kind(path, status); !kind.ok()) return kind;
  // Not in mapped memory: where a file becomes shorter, that kills the process.
  std::string bytes(std::min(extent.size, kBytesAtOnce), '\0');
  std::uint32_t checksum = 0;
  for (std::uint64_t done = 0; done < extent.size;) {
    const std::uint64_t most = std::min<std::uint64_t>(bytes.size(), extent.size - done);
    const ssize_t count =
        pread(descriptor.get(), bytes.data(), most, static_cast<off_t>(extent.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) {
      return damaged(path, absl::StrCat("ends at byte ", extent.offset + done,
                                        ", but was saved with ", file.size, " bytes"));
    }
    checksum = crc32({bytes.data(), static_cast<std::size_t>(count)}, checksum);
    done += static_cast<std::uint64_t>(count);
  }
  if (checksum == extent.crc32) return absl::OkStatus();
  return damaged(path, absl::StrFormat("is not what was saved: its %d bytes from byte %d on have "
                                       "the checksum %08x, and had %08x",
                                       extent.size, extent.offset, checksum, extent.crc32));
}

absl::Status verify(const std::string& folder, const Commit& commit) {
  if (const absl::Status sizes = verify_sizes(folder, commit); !sizes.ok()) return sizes;
  for (const CheckpointFile& file : commit.files) {
    for (const Extent& extent : file.extents) {
      const absl::Status status = verify_extent(folder, file, extent);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace accelerate::checkpoints
