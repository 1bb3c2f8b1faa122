#include "accelerate/data/image/decode_image.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kMany = 1 << 20;

std::string bytes_of(const std::string& name) {
  std::ifstream in("accelerate/data/image/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

Image image_of_ppm(const std::string& name) {
  std::istringstream in(bytes_of(name));
  std::string kind;
  int levels = 0;
  Image image;
  in >> kind >> image.width >> image.height >> levels;
  EXPECT_EQ(kind, "P6");
  in.get();
  image.pixels.assign(std::istreambuf_iterator<char>(in), {});
  return image;
}

std::string problem_of(const std::string& bytes, int64_t max_pixels = kMany) {
  const absl::StatusOr<Image> image = decode_image(bytes, max_pixels);
  return image.ok() ? "none" : std::string(image.status().message());
}

// With what is in the place of `from`, which stands there once at least.
std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  const size_t place = bytes.find(from);
  EXPECT_NE(place, std::string::npos);
  return bytes.replace(place, from.size(), to);
}

uint32_t crc_of(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? 0xedb88320 ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

std::string big_endian(uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

// The PNG image with another size in its header, which is what the header's checksum says, too.
std::string png_of_size(const std::string& bytes, uint32_t width, uint32_t height) {
  const std::string header = "IHDR" + big_endian(width) + big_endian(height) + bytes.substr(24, 5);
  return bytes.substr(0, 12) + header + big_endian(crc_of(header)) + bytes.substr(33);
}

TEST(DecodeImage, ReadsPngAsPillowDoes) {
  for (const std::string name :
       {"rgb.png", "grey.png", "one_bit.png", "palette.png", "transparent_palette.png", "alpha.png",
        "grey_alpha.png", "interlaced.png", "deep.png"}) {
    const absl::StatusOr<Image> image = decode_image(bytes_of(name), kMany);
    ASSERT_TRUE(image.ok()) << name << image.status();
    const Image expected = image_of_ppm(name + ".ppm");
    EXPECT_EQ(image->height, expected.height) << name;
    EXPECT_EQ(image->width, expected.width) << name;
    EXPECT_EQ(image->pixels, expected.pixels) << name;
  }
}

TEST(DecodeImage, ReadsJpegAsPillowDoes) {
  for (const std::string name : {"rgb.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg"}) {
    const absl::StatusOr<Image> image = decode_image(bytes_of(name), kMany);
    ASSERT_TRUE(image.ok()) << name << image.status();
    const Image expected = image_of_ppm(name + ".ppm");
    EXPECT_EQ(image->height, expected.height) << name;
    EXPECT_EQ(image->width, expected.width) << name;
    ASSERT_EQ(image->pixels.size(), expected.pixels.size()) << name;
    // Another version of libjpeg-turbo made them.
    for (size_t i = 0; i < expected.pixels.size(); ++i)
      ASSERT_NEAR(image->pixels[i], expected.pixels[i], 2) << name << " at " << i;
  }
}

TEST(DecodeImage, RefusesMorePixelsThanItIsTold) {
  for (const std::string name : {"rgb.jpg", "rgb.png"}) {
    EXPECT_EQ(problem_of(bytes_of(name), 37 * 23), "none");
    EXPECT_EQ(problem_of(bytes_of(name), 37 * 23 - 1),
              "it has 37 x 23 pixels, and 850 in all are allowed (max_pixels)");
  }
}

TEST(DecodeImage, RefusesAnImageThatSaysItIsLargerThanItIs) {
  const std::string png = bytes_of("rgb.png");
  EXPECT_EQ(problem_of(png_of_size(png, 37, 23)), "none");
  EXPECT_EQ(problem_of(png_of_size(png, 1'000'000, 1'000'000), 1 << 27),
            "it has 1000000 x 1000000 pixels, and 134217728 in all are allowed (max_pixels)");
  EXPECT_THAT(problem_of(png_of_size(png, 0x7fffffff, 1), 1 << 27), HasSubstr("(libpng: "));
  EXPECT_THAT(problem_of(png_of_size(png, 0, 23)), HasSubstr("(libpng: "));
  EXPECT_THAT(problem_of(png_of_size(png, 37, 1000)), HasSubstr("(libpng: "));
  // Height and width of a JPEG image are behind its marker of the frame.
  std::string jpeg = bytes_of("rgb.jpg");
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\xff\xdc\xff\xdc");
  EXPECT_EQ(problem_of(jpeg, 1 << 27),
            "it has 65500 x 65500 pixels, and 134217728 in all are allowed (max_pixels)");
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, std::string("\x03\x00\x00\x25", 4));
  EXPECT_THAT(problem_of(jpeg), HasSubstr("(libjpeg: "));
}

// Wherever it ends: the rest of the pixels must not be made up.
TEST(DecodeImage, RefusesWhatIsCutOff) {
  for (const std::string name :
       {"rgb.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "interlaced.png", "palette.png"}) {
    const std::string bytes = bytes_of(name);
    for (size_t size = 0; size < bytes.size(); ++size)
      ASSERT_NE(problem_of(bytes.substr(0, size)), "none") << name << " of " << size << " bytes";
  }
  EXPECT_EQ(problem_of(bytes_of("rgb.jpg").substr(0, 1000)),
            "it is not a complete JPEG image (libjpeg: Premature end of JPEG file)");
  EXPECT_EQ(problem_of(bytes_of("rgb.png").substr(0, 1000)),
            "it is not a complete PNG image (libpng: unexpected end of file)");
}

TEST(DecodeImage, RefusesWhatIsDamaged) {
  EXPECT_EQ(problem_of(""), "it is empty");
  EXPECT_EQ(problem_of("GIF89a and more"), "it is neither a JPEG nor a PNG image");
  std::string png = bytes_of("rgb.png");
  png[png.size() / 2] ^= 1;
  EXPECT_THAT(problem_of(png), StartsWith("it is not a complete PNG image (libpng: "));
  // A lossless one, which has another marker of the frame.
  EXPECT_THAT(problem_of(replaced(bytes_of("rgb.jpg"), "\xff\xc0", "\xff\xc3")),
              StartsWith("it is not a complete JPEG image (libjpeg: "));
}

TEST(DecodeImage, TakesWhatStandsBehindTheImage) {
  EXPECT_EQ(problem_of(bytes_of("rgb.jpg") + "more"), "none");
  EXPECT_EQ(problem_of(bytes_of("rgb.png") + "more"), "none");
}

// A file of a few bytes for each scan keeps libjpeg busy with the whole image.
TEST(DecodeImage, RefusesThousandsOfScans) {
  const std::string jpeg = bytes_of("progressive.jpg");
  // The first one, up to the tables of the second.
  const size_t begin = jpeg.find("\xff\xda"), end = jpeg.find("\xff\xc4", begin);
  const std::string scan = jpeg.substr(begin, end - begin);
  std::string hostile = jpeg.substr(0, end);
  for (int i = 0; i < 600; ++i) hostile += scan;
  hostile += jpeg.substr(end);
  EXPECT_EQ(problem_of(hostile), "it is not a complete JPEG image (libjpeg: more than 500 scans)");
}

// Any number of damaged bytes: an image or a message, in memory that is its own (under asan).
TEST(DecodeImage, SurvivesRandomDamage) {
  // More by DECODE_IMAGE_CASES=100000.
  const char* const wanted = std::getenv("DECODE_IMAGE_CASES");
  const int cases = wanted == nullptr ? 400 : std::atoi(wanted);
  std::mt19937 random(7);
  for (const std::string name : {"rgb.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg", "rgb.png",
                                 "interlaced.png", "deep.png", "transparent_palette.png"}) {
    const std::string bytes = bytes_of(name);
    const bool is_png = name.ends_with(".png");
    for (int i = 0; i < cases; ++i) {
      std::string damaged = bytes;
      for (uint32_t count = 1 + random() % 8; count > 0; --count)
        damaged[2 + random() % (damaged.size() - 2)] = static_cast<char>(random());
      if (is_png) {
        // Behind its checksums, which would catch nearly all.
        for (size_t at = 8; at + 12 <= damaged.size();) {
          const auto* const size = reinterpret_cast<const unsigned char*>(damaged.data()) + at;
          const size_t length = size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
          if (length > damaged.size() - at - 12) break;
          damaged.replace(at + 8 + length, 4,
                          big_endian(crc_of(damaged.substr(at + 4, length + 4))));
          at += 12 + length;
        }
      }
      const absl::StatusOr<Image> image = decode_image(damaged, 1 << 16);
      if (image.ok()) {
        ASSERT_EQ(image->pixels.size(), static_cast<size_t>(3 * image->height * image->width));
      }
    }
  }
}

TEST(DecodeImage, WorksOnSeveralThreads) {
  const std::string good = bytes_of("rgb.jpg"), bad = good.substr(0, 900);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int pass = 0; pass < 50; ++pass)
        EXPECT_EQ(decode_image(i % 2 == 0 ? good : bad, kMany).ok(), i % 2 == 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accelerate
