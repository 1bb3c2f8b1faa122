// A model's safetensors files, found by the path that a user gives, each with its checked header.
//
// Example:
//   absl::StatusOr<std::vector<ModelFile>> files = read_model("downloads/bert");
//   if (!files.ok()) return fail(files.status());
//   for (const ModelFile& file : *files) load(file.path, file.header);
//
// Not for writing, and not for the tensors' data: it reads headers only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors/header.h"

namespace accelerate::safetensors {

struct ModelFile {
  std::string path;
  Header header;
};

// `path` is a .safetensors file, an index (*.json), or a folder with model.safetensors or else
// model.safetensors.index.json. Of an index's files, only the tensors that it names count. NotFound
// or InvalidArgument say which file is missing or wrong, and what to do. Thread-safe.
absl::StatusOr<std::vector<ModelFile>> read_model(const std::string& path);

}  // namespace accelerate::safetensors
