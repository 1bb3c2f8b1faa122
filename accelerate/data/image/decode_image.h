// Pixels of a JPEG or PNG image, whatever it holds, as 8 bits each of red, green and blue.
//
//   const absl::StatusOr<Image> image = decode_image(bytes, /*max_pixels=*/1 << 27);
//   if (!image.ok()) return image.status();
//   const uint8_t* const pixel = &image->pixels[3 * (y * image->width + x)];
//
// The bytes may come from anybody: whatever is wrong with them becomes a status, and what is
// decoded is never larger than it is told. Which of the two they are is seen from their beginning.
// Grey, palettes and CMYK become RGB as Pillow's convert("RGB") makes them; alpha is dropped, and
// 16 bits are rounded to 8. How a camera was held (EXIF) is not heeded: pixels are in the order of
// the file. Colour profiles and gamma are not applied. Knows no LibTorch. Thread-safe.
//
// Not for other formats, nor for lossless JPEG and for JPEG of 12 bits.
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

// The message of InvalidArgument is half a sentence, "it is cut off", with libjpeg's or libpng's
// own words where those have any; it names no file.
absl::StatusOr<Image> decode_image(std::string_view bytes, int64_t max_pixels);

}  // namespace accelerate
