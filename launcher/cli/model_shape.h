// The shape of a transformer as the config.json beside its weights tells it, in the names of the
// transformers library.
//
// Example:
//   const absl::StatusOr<ModelShape> shape = read_model_shape("downloads/gpt2");
//   if (!shape.ok()) return fail(shape.status());
//   std::cout << shape->layers << " layers of " << shape->hidden << "\n";
//
// Not for other models: a few numbers do not determine what they keep for a backward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct ModelShape {
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t vocabulary = 0;
  // The width of the feed-forward part: four times `hidden` unless the file has another number.
  std::int64_t intermediate = 0;
  // The longest sequence, if the file has it.
  std::optional<std::int64_t> positions = std::nullopt;
};

// `path` is that of the weights, as for safetensors::read_model(): a file or its folder. NotFound
// if there is no config.json; InvalidArgument if it lacks a number, is too large or is not a
// regular file.
absl::StatusOr<ModelShape> read_model_shape(const std::string& path);

}  // namespace accelerate::launcher
