// The layout of a safetensors file before it is written, so that any number of processes can write
// their parts of it at the same time.
//
// Example:
//   const absl::StatusOr<FileLayout> layout =
//       lay_out({{"weight", Dtype::kF32, {10, 64}}}, {{"format", "pt"}});
//   if (!layout.ok()) return fail(layout.status());
//   write_at(file, 0, layout->beginning);
//   for (const TensorEntry& tensor : layout->header.tensors) {
//     write_at(file, layout->header.data_offset + tensor.data_begin, bytes_of(tensor.name));
//   }
//
// The file equals byte for byte the one that Python's safetensors 0.8.0 writes for these tensors,
// whatever their order: the widest types come first, then the order of the names decides, and there
// are no gaps. A number of 2, 4 or 8 bytes is therefore at a multiple of its size. Metadata with
// more than one key is sorted, whereas the package leaves its order to chance.
//
// Not for an existing file: read_header() (header.h) finds its tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/dtype.h"
#include "formats/safetensors/header.h"

namespace accelerate::safetensors {

struct TensorSpec {
  std::string name;
  Dtype dtype = Dtype::kF32;
  std::vector<std::uint64_t> shape = {};
};

struct FileLayout {
  // The file's first bytes, up to where the data begin.
  std::string beginning;
  // As read_header() would return it.
  Header header;
  // Size of the whole file, in bytes.
  std::uint64_t size = 0;
};

// InvalidArgument if two tensors have one name, if a name is kMetadataKey, if a name or the
// metadata is not valid UTF-8, if read_header() would reject a shape, or if the header or the file
// would be too long. The message is half a sentence that names the tensor but no file, and says
// what to do. Thread-safe.
absl::StatusOr<FileLayout> lay_out(std::vector<TensorSpec> tensors,
                                   const std::map<std::string, std::string>& metadata);

}  // namespace accelerate::safetensors
