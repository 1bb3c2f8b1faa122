// Which file holds which tensor, for a model in several files: model.safetensors.index.json.
//
// Example:
//   absl::StatusOr<ShardIndex> index = read_shard_index("model/model.safetensors.index.json");
//   if (!index.ok()) return fail(index.status());
//   for (const auto& [file, tensors] : index->files) load(folder / file, tensors);
//
// Not for checking the files themselves: read_model() (model.h) does that.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::safetensors {

struct ShardIndex {
  // The names of the tensors of each file. A file's path is relative to the index's folder and does
  // not leave it.
  std::map<std::string, std::set<std::string>> files;

  bool operator==(const ShardIndex&) const = default;
};

// Reads the index at `path`. NotFound if there is none; InvalidArgument says what is wrong in it
// and what to do. Thread-safe.
absl::StatusOr<ShardIndex> read_shard_index(const std::string& path);

// The index that `json` describes. The message of InvalidArgument is half a sentence that names no
// file. Thread-safe.
absl::StatusOr<ShardIndex> parse_shard_index(const std::string& json);

}  // namespace accelerate::safetensors
