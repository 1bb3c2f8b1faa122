#include "formats/tensorboard/image.h"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::tensorboard {
namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes.at(offset + i));
  }
  return number;
}

TEST(Image, IsAPngWithThePixels) {
  const std::string pixels("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", 12);
  const std::string png = encode_png({.width = 1, .height = 4, .channels = 3, .pixels = pixels});
  ASSERT_TRUE(absl::StartsWith(png, "\x89PNG\r\n\x1a\n"));
  EXPECT_EQ(number_at(png, 16), 1u);
  EXPECT_EQ(number_at(png, 20), 4u);
  EXPECT_EQ(png.substr(24, 2), std::string("\x08\x02"));
  // Each chunk is its size, its type, its data and their checksum.
  std::string rows(16, '\0');
  std::size_t begin = 8;
  std::string types;
  while (begin < png.size()) {
    const std::uint32_t size = number_at(png, begin);
    const auto* type = reinterpret_cast<const Bytef*>(png.data() + begin + 4);
    EXPECT_EQ(number_at(png, begin + 8 + size), crc32_z(0, type, size + 4));
    types += png.substr(begin + 4, 4) + " ";
    if (png.substr(begin + 4, 4) == "IDAT") {
      uLongf length = rows.size();
      ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &length, type + 4, size), Z_OK);
      ASSERT_EQ(length, rows.size());
    }
    begin += size + 12;
  }
  EXPECT_EQ(types, "IHDR IDAT IEND ");
  const std::string none(1, '\0');
  EXPECT_EQ(rows, none + "\x01\x02\x03" + none + "\x04\x05\x06" + none + "\x07\x08\x09" + none +
                      "\x0a\x0b\x0c");
}

TEST(Image, IsNoneWhereSizesDoNotFit) {
  EXPECT_EQ(encode_png({.width = 2, .height = 1, .channels = 3, .pixels = "12345"}), "");
  EXPECT_EQ(encode_png({.width = 0, .height = 1, .channels = 3, .pixels = ""}), "");
  EXPECT_EQ(encode_png({.width = 1, .height = 0, .channels = 3, .pixels = ""}), "");
  EXPECT_EQ(encode_png({.width = 1, .height = 1, .channels = 5, .pixels = "12345"}), "");
  EXPECT_EQ(encode_png({.width = 4294967295u, .height = 4294967295u, .pixels = "123"}), "");
}

}  // namespace
}  // namespace accelerate::tensorboard
