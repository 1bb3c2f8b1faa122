// Part of decode_image.h; not for others.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "accelerate/data/image/decode_image.h"

namespace accelerate::internal {

absl::StatusOr<Image> decode_jpeg(std::string_view bytes, int64_t max_pixels);

}  // namespace accelerate::internal
