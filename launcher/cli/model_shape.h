// The shape of a transformer as the config.json beside its weights tells it, in the names of the
// transformers library.
//
// Example:
//   const absl::StatusOr<ModelShape> shape = read_model_shape("downloads/gpt2");
//   if (!shape.ok()) return fail(shape.status());
//   std::cout << shape->layers << " layers of " << shape->hidden << "\n";
//
// Not for other models: what they keep for a backward pass cannot be told from a few numbers.
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
  // Of the feed-forward part, four times `hidden` unless the file has another number.
  std::int64_t intermediate = 0;
  // The longest sequence, where the file has it.
  std::optional<std::int64_t> positions = std::nullopt;
};

// `path` is that of the weights, as for safetensors::read_model(): a file or its folder. NotFound
// where there is no config.json, InvalidArgument where it lacks a number, is too large or no
// regular file.
absl::StatusOr<ModelShape> read_model_shape(const std::string& path);

}  // namespace accelerate::launcher
