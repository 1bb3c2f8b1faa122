#include "accelerate/data/image/decode_jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

// After <cstdio>, which the first needs and does not include; the second needs the first.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "accelerate/data/image/new_image.h"

namespace accelerate::internal {
namespace {

// A few bytes can make libjpeg go through the whole of a large image again; no image needs as many.
constexpr int kMostScans = 500;

// libjpeg leaves its functions by longjmp(). That is only done out of begin() and read_rows(),
// which have nothing to destroy; what has, is owned by those who call them.
struct Session {
  ~Session() { jpeg_destroy_decompress(&info); }

  jpeg_decompress_struct info = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf failed = {};
  char message[JMSG_LENGTH_MAX] = "";
};

Session& session_of(j_common_ptr info) { return *static_cast<Session*>(info->client_data); }

[[noreturn]] void fail(j_common_ptr info) {
  Session& session = session_of(info);
  info->err->format_message(info, session.message);
  std::longjmp(session.failed, 1);
}

// libjpeg goes on after a warning. It has made up pixels after these.
void warn(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      fail(info);
  }
}

void watch_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  Session& session = session_of(info);
  std::snprintf(session.message, sizeof(session.message), "more than %d scans", kMostScans);
  std::longjmp(session.failed, 1);
}

// Each returns false with a message where that is impossible.
bool begin(Session& session, std::string_view bytes) {
  jpeg_decompress_struct& info = session.info;
  info.err = jpeg_std_error(&session.errors);
  session.errors.error_exit = fail;
  session.errors.emit_message = warn;
  session.progress.progress_monitor = watch_scans;
  info.client_data = &session;
  if (setjmp(session.failed) != 0) return false;
  jpeg_create_decompress(&info);
  info.progress = &session.progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  return true;
}

// Photoshop's CMYK, as the others write it as well: 255 is no ink.
void take_cmyk(const uint8_t* cmyk, int64_t width, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int i = 0; i < 3; ++i) rgb[i] = static_cast<uint8_t>((cmyk[i] * cmyk[3] + 127) / 255);
  }
}

// `cmyk` is a row for an image of four colours, and null for others.
bool read_rows(Session& session, uint8_t* pixels, uint8_t* cmyk) {
  jpeg_decompress_struct& info = session.info;
  if (setjmp(session.failed) != 0) return false;
  info.out_color_space = cmyk != nullptr ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    uint8_t* const rgb = pixels + size_t{3} * info.output_width * info.output_scanline;
    JSAMPROW row = cmyk != nullptr ? cmyk : rgb;
    jpeg_read_scanlines(&info, &row, 1);
    if (cmyk != nullptr) take_cmyk(cmyk, info.output_width, rgb);
  }
  jpeg_finish_decompress(&info);
  return true;
}

absl::Status error(const Session& session) {
  return absl::InvalidArgumentError(
      absl::StrCat("it is not a complete JPEG image (libjpeg: ", session.message, ")"));
}

}  // namespace

absl::StatusOr<Image> decode_jpeg(std::string_view bytes, int64_t max_pixels) {
  Session session;
  if (!begin(session, bytes)) return error(session);
  const jpeg_decompress_struct& info = session.info;
  absl::StatusOr<Image> image = new_image(info.image_height, info.image_width, max_pixels);
  if (!image.ok()) return image;
  std::vector<uint8_t> cmyk(info.num_components == 4 ? size_t{4} * info.image_width : 0);
  if (!read_rows(session, image->pixels.data(), cmyk.empty() ? nullptr : cmyk.data()))
    return error(session);
  return image;
}

}  // namespace accelerate::internal
