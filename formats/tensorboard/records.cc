#include "formats/tensorboard/records.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/tensorboard/crc32c.h"
#include "launcher/text/printable.h"

namespace accelerate::tensorboard {
namespace {

static_assert(std::endian::native == std::endian::little);

using Size = std::uint64_t;
using Checksum = std::uint32_t;
constexpr Size kHeader = sizeof(Size) + sizeof(Checksum);

template <class Number>
absl::string_view bytes_of(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

template <class Number>
Number number_at(const char* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

}  // namespace

std::string make_record(absl::string_view data) {
  const Size size = data.size();
  const Checksum of_size = masked_crc32c(bytes_of(size)), of_data = masked_crc32c(data);
  return absl::StrCat(bytes_of(size), bytes_of(of_size), data, bytes_of(of_data));
}

absl::StatusOr<RecordReader> RecordReader::open(const std::string& path) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) {
    const std::string message = absl::StrCat(
        launcher::plain(path), " cannot be read: ", error.message(), "; correct the path.");
    if (error == std::errc::no_such_file_or_directory) return absl::NotFoundError(message);
    return absl::InvalidArgumentError(message);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::PermissionDeniedError(absl::StrCat(launcher::plain(path),
                                                    " cannot be read: ", std::strerror(errno),
                                                    "; check its permissions."));
  }
  return RecordReader(std::move(file), size);
}

RecordReader::Outcome RecordReader::next() {
  if (left_ == 0) return Outcome::kEnd;
  char header[kHeader];
  if (left_ < kHeader || !file_.read(header, sizeof(header))) return Outcome::kCutOff;
  left_ -= kHeader;
  const auto size = number_at<Size>(header);
  if (masked_crc32c({header, sizeof(Size)}) != number_at<Checksum>(header + sizeof(Size))) {
    return Outcome::kLost;
  }
  // Nobody is made to reserve what is not there.
  if (left_ < sizeof(Checksum) || size > left_ - sizeof(Checksum)) return Outcome::kCutOff;
  data_.resize(size + sizeof(Checksum));
  if (!file_.read(data_.data(), static_cast<std::streamsize>(data_.size()))) {
    return Outcome::kCutOff;
  }
  left_ -= data_.size();
  const auto checksum = number_at<Checksum>(data_.data() + size);
  data_.resize(size);
  return masked_crc32c(data_) == checksum ? Outcome::kRecord : Outcome::kDamaged;
}

}  // namespace accelerate::tensorboard
