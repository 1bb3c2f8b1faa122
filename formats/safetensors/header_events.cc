#include "formats/safetensors/header_events.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "formats/safetensors/quoted_text.h"
#include "formats/safetensors/tensor_size.h"

namespace accelerate::safetensors {

bool HeaderEvents::on_key(std::string& key) {
  key_ = std::move(key);
  if (place_ == Place::kHeader && key_ == kMetadataKey) {
    if (has_metadata_) return refuse(absl::StrCat(kMetadataKey, " appears twice"));
    has_metadata_ = true;
  }
  if (place_ != Place::kTensor) return true;
  bool* seen = key_ == "dtype"          ? &has_dtype_
               : key_ == "shape"        ? &has_shape_
               : key_ == "data_offsets" ? &has_offsets_
                                        : nullptr;
  // Other members are for later versions of the format to give a meaning to.
  if (seen == nullptr) return ignore_next_value();
  if (*seen) return refuse_in_tensor(absl::StrCat("has its ", key_, " twice"));
  *seen = true;
  return true;
}

bool HeaderEvents::on_start_object() {
  if (place_ == Place::kBefore) {
    place_ = Place::kHeader;
    return true;
  }
  if (place_ != Place::kHeader) return on_other("an object");
  if (key_ == kMetadataKey) {
    place_ = Place::kMetadata;
    return true;
  }
  place_ = Place::kTensor;
  tensor_ = {.name = std::move(key_)};
  offsets_.clear();
  has_dtype_ = has_shape_ = has_offsets_ = false;
  return true;
}

bool HeaderEvents::on_end_object() {
  if (place_ == Place::kTensor && !end_tensor()) return false;
  place_ = place_ == Place::kHeader ? Place::kAfter : Place::kHeader;
  return true;
}

bool HeaderEvents::end_tensor() {
  if (!has_dtype_) return refuse_in_tensor("has no dtype");
  if (!has_shape_) return refuse_in_tensor("has no shape");
  if (offsets_.size() != 2) return refuse_in_tensor("lacks its two data_offsets");
  tensor_.data_begin = offsets_[0];
  tensor_.data_end = offsets_[1];
  header_.tensors.push_back(std::move(tensor_));
  return true;
}

bool HeaderEvents::on_start_array() {
  if (place_ != Place::kTensor || key_ == "dtype") return on_other("an array");
  place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
  return true;
}

bool HeaderEvents::on_end_array() {
  place_ = Place::kTensor;
  return true;
}

bool HeaderEvents::on_number(std::uint64_t number) {
  if (place_ == Place::kShape) {
    if (tensor_.shape.size() == kMostDimensions) {
      return refuse_in_tensor(absl::StrCat("has more than ", kMostDimensions, " dimensions"));
    }
    tensor_.shape.push_back(number);
    return true;
  }
  if (place_ != Place::kOffsets) return on_other("a number");
  if (offsets_.size() == 2) return refuse_in_tensor("has more than two data_offsets");
  offsets_.push_back(number);
  return true;
}

bool HeaderEvents::on_string(std::string& text) {
  if (place_ == Place::kMetadata) {
    if (header_.metadata.emplace(key_, std::move(text)).second) return true;
    return refuse(absl::StrCat(kMetadataKey, " has the key ", quoted_text(key_), " twice"));
  }
  if (place_ != Place::kTensor || key_ != "dtype") return on_other("a string");
  const std::optional<Dtype> dtype = parse_dtype(text);
  if (!dtype.has_value()) {
    return refuse_in_tensor(absl::StrCat("has the unknown dtype ", quoted_text(text),
                                         " (known are ", all_dtype_names(), ")"));
  }
  tensor_.dtype = *dtype;
  return true;
}

bool HeaderEvents::on_other(const std::string& value) {
  switch (place_) {
    case Place::kBefore:
    case Place::kAfter:
      return refuse(absl::StrCat("there is ", value, " instead of an object"));
    case Place::kHeader:
      return (key_ == kMetadataKey && value == "null") ||
             refuse(absl::StrCat(quoted_text(key_), " is ", value, " and not an object"));
    case Place::kMetadata:
      return refuse(absl::StrCat(kMetadataKey, " has ", value, " for the key ", quoted_text(key_),
                                 " and not a string"));
    case Place::kTensor:
      return refuse_in_tensor(absl::StrCat("has ", value, " for its ", key_, " and not ",
                                           key_ == "dtype" ? "a string" : "an array"));
    case Place::kShape:
    case Place::kOffsets:
      break;
  }
  return refuse_in_tensor(
      absl::StrCat("has ", value, " in its ", key_, " and not a whole number from 0 to 2^64 - 1"));
}

bool HeaderEvents::refuse_in_tensor(const std::string& problem) {
  return refuse(absl::StrCat("the tensor ", quoted_text(tensor_.name), " ", problem));
}

}  // namespace accelerate::safetensors
