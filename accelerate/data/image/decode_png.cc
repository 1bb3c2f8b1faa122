#include "accelerate/data/image/decode_png.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "accelerate/data/image/new_image.h"

namespace accelerate::internal {
namespace {

// libpng leaves its functions by longjmp(). That is only done out of begin() and read_rows(), which
// have nothing to destroy; what has, is owned by those who call them.
struct Session {
  ~Session() { png_destroy_read_struct(&png, &info, nullptr); }

  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string_view bytes_left;
  char message[200] = "";
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  Session& session = *static_cast<Session*>(png_get_error_ptr(png));
  std::snprintf(session.message, sizeof(session.message), "%s", message);
  png_longjmp(png, 1);
}

// Of what does not touch the pixels.
void ignore_warning(png_structp, png_const_charp) {}

void take_bytes(png_structp png, png_bytep out, size_t count) {
  std::string_view& left = static_cast<Session*>(png_get_io_ptr(png))->bytes_left;
  if (left.size() < count) png_error(png, "unexpected end of file");
  std::memcpy(out, left.data(), count);
  left.remove_prefix(count);
}

// Each returns false with a message where that is impossible.
bool begin(Session& session) {
  png_structp const png = session.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &session, take_bytes);
  png_read_info(png, session.info);
  return true;
}

bool read_rows(Session& session, size_t row_bytes, uint8_t* pixels) {
  png_structp const png = session.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, session.info);
  if (png_get_rowbytes(png, session.info) != row_bytes) png_error(png, "unexpected size of a row");
  const png_uint_32 height = png_get_image_height(png, session.info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(png, pixels + y * row_bytes, nullptr);
  }
  png_read_end(png, nullptr);
  return true;
}

absl::Status error(const Session& session) {
  return absl::InvalidArgumentError(
      absl::StrCat("it is not a complete PNG image (libpng: ", session.message, ")"));
}

}  // namespace

absl::StatusOr<Image> decode_png(std::string_view bytes, int64_t max_pixels) {
  Session session = {.bytes_left = bytes};
  session.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session, fail, ignore_warning);
  if (session.png == nullptr) return error(session);
  session.info = png_create_info_struct(session.png);
  if (session.info == nullptr) return absl::ResourceExhaustedError("there is no memory to read it");
  if (!begin(session)) return error(session);
  const int64_t height = png_get_image_height(session.png, session.info);
  const int64_t width = png_get_image_width(session.png, session.info);
  absl::StatusOr<Image> image = new_image(height, width, max_pixels);
  if (!image.ok()) return image;
  if (!read_rows(session, size_t{3} * width, image->pixels.data())) return error(session);
  return image;
}

}  // namespace accelerate::internal
