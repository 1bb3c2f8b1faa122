// A file that grows by whole records while others read it, whatever happens to its disk. A record
// has been handed to the system when append() returns, so a killed process loses none; a record
// that could not be written completely leaves no trace.
//
// Example:
//   metrics::GrowingFile file("runs/first/notes.txt", /*head=*/"");
//   const absl::Status status = file.append("warm\n");
//   if (!status.ok()) std::cerr << status.message() << "\n";  // And go on: the next may get there.
//
// Not for files that must appear completely or not at all (AtomicFile), and not for two writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace accelerate::metrics {

// Not thread-safe. All errors name the file; the object stays usable after them.
class GrowingFile {
 public:
  // `head` is the beginning of each such file. Nothing is created before the first append().
  GrowingFile(std::string path, std::string head);
  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&& other) = delete;
  ~GrowingFile();

  const std::string& path() const { return path_; }

  // Appends a record. Creates the file and its folder again if they were removed. Does not follow a
  // link in place of the file. ResourceExhausted if the disk is full, FailedPrecondition if the
  // system refuses for another reason; the record is then not in the file.
  absl::Status append(absl::string_view record);

  // Truncates the file to its first `size` bytes, atomically.
  absl::Status cut(std::uint64_t size);

  // Replaces the file by a new one of this name with another head.
  void was_replaced(std::string head);

 private:
  absl::Status open();
  absl::Status refusal(int error);
  void close();

  std::string path_;
  std::string head_;
  int descriptor_ = -1;
  // Where a record begins that could neither be written completely nor removed.
  std::optional<std::uint64_t> torn_at_;
};

}  // namespace accelerate::metrics
