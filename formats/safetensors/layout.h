// Where everything lies in a safetensors file that is yet to be written, so that any number of
// processes write their parts of it at once.
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
// The file is to the byte the one that Python's safetensors 0.8.0 writes for these tensors, in
// whatever order they are given: the widest types come first, then the names decide, and there are
// no gaps. So a number of 2, 4 or 8 bytes lies at a multiple of its size. Metadata of more than one
// key are sorted here, where the package leaves their order to chance.
//
// Not for a file that is there already: read_header() (header.h) finds where its tensors lie.
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
  // As read_header() would find it.
  Header header;
  // In bytes, all of the file.
  std::uint64_t size = 0;
};

// InvalidArgument where two tensors have one name, a name is kMetadataKey, a name or the metadata
// are no UTF-8, a shape is none that read_header() accepts, or the header or the file would be
// longer than can be. The message is half a sentence that names the tensor but no file, and says
// what to do. Thread-safe.
absl::StatusOr<FileLayout> lay_out(std::vector<TensorSpec> tensors,
                                   const std::map<std::string, std::string>& metadata);

}  // namespace accelerate::safetensors
