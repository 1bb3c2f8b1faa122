#include "formats/tensorboard/image.h"

#include <zlib.h>

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace accelerate::tensorboard {
namespace {

constexpr absl::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr char kColorTypes[] = {0, 4, 2, 6};  // By the number of channels.

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

std::string chunk(absl::string_view type, absl::string_view data) {
  const std::string checked = absl::StrCat(type, data);
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  return absl::StrCat(big_endian(static_cast<std::uint32_t>(data.size())), checked,
                      big_endian(static_cast<std::uint32_t>(crc)));
}

}  // namespace

std::string encode_png(const Image& image) {
  if (image.channels < 1 || image.channels > 4) return {};
  const std::size_t row = std::size_t{image.width} * static_cast<std::size_t>(image.channels);
  if (row == 0 || image.height == 0 || image.pixels.size() / row != image.height ||
      image.pixels.size() % row != 0) {
    return {};
  }
  std::string rows;
  rows.reserve(image.height * (row + 1));
  for (std::size_t begin = 0; begin < image.pixels.size(); begin += row) {
    rows += '\0';  // The row as it is.
    rows.append(image.pixels.data() + begin, row);
  }
  uLongf size = compressBound(rows.size());
  std::string compressed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(compressed.data()), &size,
                reinterpret_cast<const Bytef*>(rows.data()), rows.size(), Z_BEST_SPEED) != Z_OK) {
    return {};
  }
  compressed.resize(size);
  const char form[] = {8, kColorTypes[image.channels - 1], 0, 0, 0};
  return absl::StrCat(kSignature,
                      chunk("IHDR", absl::StrCat(big_endian(image.width), big_endian(image.height),
                                                 absl::string_view(form, sizeof(form)))),
                      chunk("IDAT", compressed), chunk("IEND", ""));
}

}  // namespace accelerate::tensorboard
