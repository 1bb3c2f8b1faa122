#include "accelerate/checkpoint/share_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/checkpoints/system_refusal.h"
#include "formats/checkpoints/verify.h"

namespace accelerate::internal {
namespace {

using checkpoints::Extent;
using checkpoints::system_refusal;

// Read from the tensors at once, where there is no copy.
constexpr uint64_t kChunk = uint64_t{4} << 20;
// Larger extents could not be verified by several processes at once.
constexpr uint64_t kLargestExtent = uint64_t{64} << 20;

class OpenFile {
 public:
  explicit OpenFile(std::string path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666)),
        error_(errno) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  absl::Status write(uint64_t offset, const char* bytes, uint64_t size) {
    if (descriptor_ < 0) return system_refusal(path_, "cannot be created", error_);
    while (size > 0) {
      const ssize_t count = ::pwrite(descriptor_, bytes, size, static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_refusal(path_, "cannot be written", errno);
      offset += count, bytes += count, size -= count;
    }
    return absl::OkStatus();
  }

  absl::Status close() {
    if (::fsync(descriptor_) != 0) return system_refusal(path_, "cannot be written", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0)
      return system_refusal(path_, "cannot be written", errno);
    return absl::OkStatus();
  }

 private:
  std::string path_;
  int descriptor_;
  int error_;
};

absl::Status write_piece(FileContents& file, const Piece& piece, const std::string& folder,
                         const char* copy, std::vector<Extent>& extents) {
  OpenFile out(absl::StrCat(folder, "/", file.name()));
  std::unique_ptr<char[]> chunk;
  if (copy == nullptr) chunk.reset(new char[std::min(kChunk, piece.size)]);
  for (uint64_t done = 0; done < piece.size;) {
    Extent extent = {piece.offset + done, std::min(kLargestExtent, piece.size - done), 0};
    for (uint64_t in_extent = 0; in_extent < extent.size;) {
      const uint64_t size = std::min(kChunk, extent.size - in_extent);
      const char* bytes = copy != nullptr ? copy + done : chunk.get();
      if (copy == nullptr) file.read(piece.offset + done, size, chunk.get());
      const absl::Status status = out.write(piece.offset + done, bytes, size);
      if (!status.ok()) return status;
      extent.crc32 = checkpoints::crc32(absl::string_view(bytes, size), extent.crc32);
      in_extent += size, done += size;
    }
    extents.push_back(extent);
  }
  return out.close();
}

}  // namespace

absl::StatusOr<WrittenShare> write_share(Contents& contents, const std::vector<Piece>& pieces,
                                         const std::string& folder, const char* copy) {
  WrittenShare share(contents.size());
  for (const Piece& piece : pieces) {
    const absl::Status status =
        write_piece(contents[piece.file], piece, folder, copy, share[piece.file]);
    if (!status.ok()) return status;
    if (copy != nullptr) copy += piece.size;
  }
  return share;
}

std::vector<checkpoints::CheckpointFile> files_of(const Contents& contents,
                                                  const std::vector<WrittenShare>& shares) {
  std::vector<checkpoints::CheckpointFile> files;
  for (size_t i = 0; i < contents.size(); ++i) {
    checkpoints::CheckpointFile file = {contents[i].name(), contents[i].size(), {}};
    for (const WrittenShare& share : shares)
      file.extents.insert(file.extents.end(), share[i].begin(), share[i].end());
    std::sort(file.extents.begin(), file.extents.end(),
              [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
    files.push_back(std::move(file));
  }
  return files;
}

std::string share_text(const WrittenShare& share) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& file : share) {
    nlohmann::json extents = nlohmann::json::array();
    for (const Extent& extent : file) extents.push_back({extent.offset, extent.size, extent.crc32});
    json.push_back(std::move(extents));
  }
  return json.dump();
}

absl::StatusOr<WrittenShare> parse_share(const std::string& text) {
  WrittenShare share;
  try {
    for (const auto& file : nlohmann::json::parse(text)) {
      std::vector<Extent>& extents = share.emplace_back();
      for (const auto& extent : file)
        extents.push_back({extent.at(0).get<uint64_t>(), extent.at(1).get<uint64_t>(),
                           extent.at(2).get<uint32_t>()});
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return share;
}

}  // namespace accelerate::internal
