#include "accelerate/data/image/decode_image.h"

#include "absl/status/status.h"
#include "accelerate/data/image/decode_jpeg.h"
#include "accelerate/data/image/decode_png.h"

namespace accelerate {

absl::StatusOr<Image> decode_image(std::string_view bytes, int64_t max_pixels) {
  if (bytes.empty()) return absl::InvalidArgumentError("it is empty");
  if (bytes.starts_with("\xff\xd8\xff")) return internal::decode_jpeg(bytes, max_pixels);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return internal::decode_png(bytes, max_pixels);
  return absl::InvalidArgumentError("it is neither a JPEG nor a PNG image");
}

}  // namespace accelerate
