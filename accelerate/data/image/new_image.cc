#include "accelerate/data/image/new_image.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::internal {

absl::StatusOr<Image> new_image(int64_t height, int64_t width, int64_t max_pixels) {
  if (height * width > max_pixels) {
    return absl::InvalidArgumentError(absl::StrCat("it has ", width, " x ", height, " pixels, and ",
                                                   max_pixels, " in all are allowed (max_pixels)"));
  }
  return Image{height, width, std::vector<uint8_t>(3 * static_cast<size_t>(height * width))};
}

}  // namespace accelerate::internal
