// Part of the event files; not for others. Records as in TensorFlow's files: the size, its
// checksum, the data, and their checksum.
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

// Reads records one by one.
class RecordReader {
 public:
  enum class Outcome {
    kRecord,
    // The end of the file.
    kEnd,
    // The end of the file, in the middle of a record.
    kCutOff,
    // A record whose data are not what was written; more records may follow it.
    kDamaged,
    // The size is damaged, so it is not known where the next record begins.
    kLost,
  };

  // NotFound and so on if the file cannot be read.
  static absl::StatusOr<RecordReader> open(const std::string& path);

  // Reads the next record, into data().
  Outcome next();
  const std::string& data() const { return data_; }

 private:
  RecordReader(std::ifstream file, std::uint64_t size) : file_(std::move(file)), left_(size) {}

  std::ifstream file_;
  // Bytes that the file had when it was opened and that have not been read yet.
  std::uint64_t left_;
  std::string data_;
};

}  // namespace accelerate::tensorboard
