// The contents of a safetensors file, read from its header alone: names, types, shapes, and where
// the data of each tensor is.
//
// Example:
//   absl::StatusOr<Header> header = read_header("model.safetensors");
//   if (!header.ok()) return fail(header.status());
//   for (const TensorEntry& tensor : header->tensors) std::cout << tensor.name << "\n";
//
// The file may be untrusted: any error in it becomes a status, and no more than the header is read
// or kept in memory. After success, the data of each tensor is within the file, has the size that
// its type and shape require, and overlaps nothing.
//
// Not for a model in several files: read_model() (model.h) finds and checks those.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/dtype.h"

namespace accelerate::safetensors {

// The longest header that the format allows, in bytes.
inline constexpr std::uint64_t kLongestHeader = 100'000'000;

// The entry of this name in the header is the metadata; no tensor has the name.
inline constexpr char kMetadataKey[] = "__metadata__";

struct TensorEntry {
  std::string name;
  Dtype dtype = Dtype::kF32;
  std::vector<std::uint64_t> shape = {};
  std::uint64_t num_elements = 1;  // The product of the shape.
  std::uint64_t data_begin = 0;    // In bytes from Header::data_offset.
  std::uint64_t data_end = 0;

  bool operator==(const TensorEntry&) const = default;
};

struct Header {
  std::vector<TensorEntry> tensors;             // In the order of their data.
  std::map<std::string, std::string> metadata;  // By kMetadataKey.
  std::uint64_t data_offset = 0;                // Where the data begin in the file.

  bool operator==(const Header&) const = default;
};

// Reads the header of the file at `path`. NotFound if there is none; InvalidArgument says what is
// wrong in the file and what to do. Thread-safe.
absl::StatusOr<Header> read_header(const std::string& path);

// The header that `json` describes, for a file with `data_size` bytes of data after it; data_offset
// stays 0. The message of InvalidArgument is half a sentence that names the tensor but no file.
// Thread-safe.
absl::StatusOr<Header> parse_header(const std::string& json, std::uint64_t data_size);

}  // namespace accelerate::safetensors
