// A file that grows by whole records while others read it, whatever happens to its disk: a record
// is in the system's hands when append() returns, so that a process that is killed loses none, and
// one that did not get there in full leaves nothing of itself.
//
// Example:
//   metrics::GrowingFile file("runs/first/notes.txt", /*head=*/"");
//   const absl::Status status = file.append("warm\n");
//   if (!status.ok()) std::cerr << status.message() << "\n";  // And go on: the next may get there.
//
// Not for files that are there in full or not at all: those are AtomicFiles. Not for two writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace accelerate::metrics {

// Not thread-safe. All errors name the file; after each, it can be used as before.
class GrowingFile {
 public:
  // `head` is what each such file begins with. Nothing is made before the first append().
  GrowingFile(std::string path, std::string head);
  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&& other) = delete;
  ~GrowingFile();

  const std::string& path() const { return path_; }

  // Behind what is there; makes the file, and its folder, where somebody has removed them. A link
  // in its place is not followed.
  // ResourceExhausted where the disk is full, FailedPrecondition where the system refuses
  // otherwise; the record is not there then.
  absl::Status append(absl::string_view record);

  // Takes away all behind the first `size` bytes, in one moment.
  absl::Status cut(std::uint64_t size);

  // Puts a new file of this name, with another head, in the place of the one that it wrote to.
  void was_replaced(std::string head);

 private:
  absl::Status open();
  absl::Status refusal(int error);
  void close();

  std::string path_;
  std::string head_;
  int descriptor_ = -1;
  // Where a record begins that could neither be written in full nor taken away.
  std::optional<std::uint64_t> torn_at_;
};

}  // namespace accelerate::metrics
