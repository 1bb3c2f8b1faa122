// Part of decode_image.h; not for others.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "accelerate/data/image/decode_image.h"

namespace accelerate::internal {

// A black image, or an error if it would be too large, whose message is half a sentence. Both
// extents must be less than 2^31.
absl::StatusOr<Image> new_image(int64_t height, int64_t width, int64_t max_pixels);

}  // namespace accelerate::internal
