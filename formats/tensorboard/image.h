// Pixels as a PNG file, for showing them.
//
// Example:
//   const std::string red = {'\xff', '\x00', '\x00'};
//   const tensorboard::Image image = {.width = 1, .height = 1, .channels = 3, .pixels = red};
//   std::ofstream("red.png", std::ios::binary) << tensorboard::encode_png(image);
//
// Not for small files: it does not search for the best compression.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace accelerate::tensorboard {

struct Image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  // 1 of grey, 2 of grey and alpha, 3 of red, green and blue, 4 of these and alpha.
  int channels = 3;
  // One byte for each channel of each pixel, row by row: height * width * channels bytes.
  absl::string_view pixels = {};
};

// Empty if the sizes contradict each other, or if one of them is zero.
std::string encode_png(const Image& image);

}  // namespace accelerate::tensorboard
