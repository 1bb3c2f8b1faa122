// Decodes any JPEG or PNG image to pixels with 8 bits each of red, green and blue.
//
//   const absl::StatusOr<Image> image = decode_image(bytes, /*max_pixels=*/1 << 27);
//   if (!image.ok()) return image.status();
//   const uint8_t* const pixel = &image->pixels[3 * (y * image->width + x)];
//
// The bytes may be untrusted: any error in them becomes a status, and no image of more than
// max_pixels is decoded. The first bytes tell which of the two formats it is. Grey, palettes and
// CMYK become RGB as in Pillow's convert("RGB"); alpha is dropped, and 16 bits are rounded to 8.
// The orientation that a camera stores (EXIF) is ignored: pixels are in the order of the file.
// Colour profiles and gamma are not applied. Does not use LibTorch. Thread-safe.
//
// Not for other formats, lossless JPEG, or JPEG with 12 bits.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate {

struct Image {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

// The message of InvalidArgument is half a sentence, such as "it is cut off", with libjpeg's or
// libpng's own words if they give any; it names no file.
absl::StatusOr<Image> decode_image(std::string_view bytes, int64_t max_pixels);

}  // namespace accelerate
