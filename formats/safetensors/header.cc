#include "formats/safetensors/header.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/safetensors/header_events.h"
#include "formats/safetensors/input_file.h"
#include "formats/safetensors/quoted_text.h"
#include "formats/safetensors/tensor_size.h"

namespace accelerate::safetensors {
namespace {

constexpr std::uint64_t kLengthSize = 8;

absl::Status tensor_error(const TensorEntry& tensor, const std::string& problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor ", quoted_text(tensor.name), " ", problem));
}

// Sets the number of elements, and checks the size of the data against it.
absl::Status check_size(TensorEntry& tensor) {
  const absl::StatusOr<TensorSize> size = tensor_size(tensor.dtype, tensor.shape);
  if (!size.ok()) return tensor_error(tensor, std::string(size.status().message()));
  tensor.num_elements = size->num_elements;
  if (tensor.data_end < tensor.data_begin) {
    return tensor_error(tensor, absl::StrCat("ends at the offset ", tensor.data_end,
                                             ", before it begins at ", tensor.data_begin));
  }
  if (tensor.data_end - tensor.data_begin != size->num_bytes) {
    return tensor_error(tensor, absl::StrCat("has ", tensor.data_end - tensor.data_begin,
                                             " bytes by its offsets but ", size->num_bytes,
                                             " by its type and shape"));
  }
  return absl::OkStatus();
}

absl::Status check_names(const std::vector<TensorEntry>& tensors) {
  std::vector<const std::string*> names;
  names.reserve(tensors.size());
  for (const TensorEntry& tensor : tensors) names.push_back(&tensor.name);
  std::sort(names.begin(), names.end(), [](auto* left, auto* right) { return *left < *right; });
  const auto twice = std::adjacent_find(names.begin(), names.end(),
                                        [](auto* left, auto* right) { return *left == *right; });
  if (twice == names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor ", quoted_text(**twice), " appears in it twice"));
}

// The data of the tensors, which are sorted, fill the file from begin to end.
absl::Status check_layout(const std::vector<TensorEntry>& tensors, std::uint64_t data_size) {
  std::uint64_t end = 0;
  for (const TensorEntry& tensor : tensors) {
    if (tensor.data_begin < end) {
      return tensor_error(tensor, "overlaps the data of another");
    }
    if (tensor.data_begin > end) {
      return tensor_error(tensor, absl::StrCat("leaves a gap of ", tensor.data_begin - end,
                                               " bytes before its data"));
    }
    if (tensor.data_end > data_size) {
      return tensor_error(
          tensor, absl::StrCat("has data up to the offset ", tensor.data_end, ", but the file has ",
                               data_size, " bytes of data: it is cut off"));
    }
    end = tensor.data_end;
  }
  if (end == data_size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the last ", data_size - end, " bytes of the file belong to no tensor"));
}

absl::Status file_error(const std::string& path, const std::string& problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, " cannot be read as safetensors: ", problem,
                   "; download the file again, or save it again with the safetensors package."));
}

std::uint64_t little_endian(const std::string& bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

}  // namespace

absl::StatusOr<Header> parse_header(const std::string& json, std::uint64_t data_size) {
  HeaderEvents events;
  if (!nlohmann::json::sax_parse(json, &events)) {
    return absl::InvalidArgumentError(absl::StrCat("in the header, ", events.problem()));
  }
  Header header = std::move(events).take();
  for (TensorEntry& tensor : header.tensors) {
    const absl::Status status = check_size(tensor);
    if (!status.ok()) return status;
  }
  // Empty tensors stand before the one that begins where they are.
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorEntry& left, const TensorEntry& right) {
              return std::tie(left.data_begin, left.data_end, left.name) <
                     std::tie(right.data_begin, right.data_end, right.name);
            });
  absl::Status status = check_names(header.tensors);
  if (status.ok()) status = check_layout(header.tensors, data_size);
  if (!status.ok()) return status;
  return header;
}

absl::StatusOr<Header> read_header(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  if (file->size() < kLengthSize) {
    return file_error(path, absl::StrCat("it has ", file->size(), " bytes, too few for a header"));
  }
  const absl::StatusOr<std::string> length_bytes = file->read(kLengthSize);
  if (!length_bytes.ok()) return length_bytes.status();
  const std::uint64_t length = little_endian(*length_bytes);
  if (length > kLongestHeader) {
    return file_error(
        path, absl::StrCat("its header would be ", length, " bytes long, and ", kLongestHeader,
                           " are allowed: it is damaged, or of another format"));
  }
  if (length > file->size() - kLengthSize) {
    return file_error(path, absl::StrCat("its header is said to be ", length,
                                         " bytes long, but the file ends after ",
                                         file->size() - kLengthSize, " of them: it is cut off"));
  }
  const absl::StatusOr<std::string> json = file->read(length);
  if (!json.ok()) return json.status();
  absl::StatusOr<Header> header = parse_header(*json, file->size() - kLengthSize - length);
  if (!header.ok()) return file_error(path, std::string(header.status().message()));
  header->data_offset = kLengthSize + length;
  return header;
}

}  // namespace accelerate::safetensors
