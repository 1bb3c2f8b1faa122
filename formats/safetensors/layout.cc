#include "formats/safetensors/layout.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/safetensors/quoted_text.h"
#include "formats/safetensors/tensor_size.h"
#include "launcher/text/utf8.h"
#include "nlohmann/json.hpp"

namespace accelerate::safetensors {
namespace {

// The data begin at a multiple of it.
constexpr std::size_t kAlignment = 8;

// What is left of the largest offset in a file behind the longest header.
constexpr std::uint64_t kMostData =
    std::numeric_limits<std::int64_t>::max() - kLongestHeader - sizeof(std::uint64_t);

bool is_utf8(const std::string& text) { return launcher::find_no_utf8(text) == text.size(); }

absl::Status tensor_error(const TensorSpec& tensor, absl::string_view problem,
                          absl::string_view remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor ", quoted_text(tensor.name), " ", problem, "; ", remedy));
}

absl::Status check_metadata(const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    if (is_utf8(key) && is_utf8(value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the metadata ", quoted_text(key), ": ", quoted_text(value),
                     " are not valid UTF-8; write them as text in UTF-8"));
  }
  return absl::OkStatus();
}

absl::Status check_name(const TensorSpec& tensor) {
  if (!is_utf8(tensor.name)) {
    return tensor_error(tensor, "has a name that is not valid UTF-8", "give it another");
  }
  if (tensor.name == kMetadataKey) {
    return tensor_error(tensor, "has the name under which the format keeps its metadata",
                        "give it another");
  }
  return absl::OkStatus();
}

std::string quoted_json(const std::string& text) { return nlohmann::json(text).dump(); }

std::string little_endian(std::uint64_t number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(number); ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

}  // namespace

absl::StatusOr<FileLayout> lay_out(std::vector<TensorSpec> tensors,
                                   const std::map<std::string, std::string>& metadata) {
  absl::Status status = check_metadata(metadata);
  if (!status.ok()) return status;
  std::vector<std::string> members;
  if (!metadata.empty()) {
    members.push_back(
        absl::StrCat(quoted_json(kMetadataKey), ":", nlohmann::json(metadata).dump()));
  }
  std::sort(tensors.begin(), tensors.end(), [](const TensorSpec& left, const TensorSpec& right) {
    return std::tie(right.dtype, left.name) < std::tie(left.dtype, right.name);
  });
  std::uint64_t data_size = 0;
  for (const TensorSpec& tensor : tensors) {
    status = check_name(tensor);
    if (!status.ok()) return status;
    const absl::StatusOr<TensorSize> size = tensor_size(tensor.dtype, tensor.shape);
    if (!size.ok()) return tensor_error(tensor, size.status().message(), "correct its shape");
    if (size->num_bytes > kMostData - data_size) {
      return tensor_error(tensor, "makes the file longer than a file can be",
                          "save the tensors in several files");
    }
    const std::uint64_t begin = data_size;
    data_size += size->num_bytes;
    members.push_back(absl::StrCat(
        quoted_json(tensor.name), ":{\"dtype\":\"", dtype_name(tensor.dtype), "\",\"shape\":[",
        absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[", begin, ",", data_size, "]}"));
  }
  std::string json = absl::StrCat("{", absl::StrJoin(members, ","), "}");
  json.resize((json.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  if (json.size() > kLongestHeader) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header would be ", json.size(), " bytes long, and ", kLongestHeader,
                     " are allowed; save the tensors in several files, or shorten their names or "
                     "the metadata"));
  }
  // What can be wrong still is a name that stands twice.
  absl::StatusOr<Header> header = parse_header(json, data_size);
  if (!header.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(header.status().message(), "; give each tensor a name of its own"));
  }
  FileLayout layout = {.beginning = little_endian(json.size()) + json,
                       .header = *std::move(header)};
  layout.header.data_offset = layout.beginning.size();
  layout.size = layout.beginning.size() + data_size;
  return layout;
}

}  // namespace accelerate::safetensors
