// Part of the event files; not for others. Records as TensorFlow's files hold them: the size, its
// checksum, the data, their checksum.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace accelerate::tensorboard {

// `data` as a record.
std::string make_record(absl::string_view data);

// Reads one record after the other.
class RecordReader {
 public:
  enum class Outcome {
    kRecord,
    // The end of the file.
    kEnd,
    // The end, in the middle of a record.
    kCutOff,
    // A record whose data are not what was written; there may be others behind it.
    kDamaged,
    // Nobody knows where the next record would begin.
    kLost,
  };

  // NotFound and so on where the file cannot be read.
  static absl::StatusOr<RecordReader> open(const std::string& path);

  // The next one, in data().
  Outcome next();
  const std::string& data() const { return data_; }

 private:
  RecordReader(std::ifstream file, std::uint64_t size) : file_(std::move(file)), left_(size) {}

  std::ifstream file_;
  // Bytes that were there at the opening and are not read yet.
  std::uint64_t left_;
  std::string data_;
};

}  // namespace accelerate::tensorboard
