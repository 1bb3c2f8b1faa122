// Reads the JSON of a header: the entries as they are, before their sizes, names and offsets are
// checked against each other.
//
// Part of header.h; not for others.
#pragma once

#include <string>
#include <utility>

#include "formats/safetensors/header.h"
#include "formats/safetensors/json_events.h"

namespace accelerate::safetensors {

class HeaderEvents : public JsonEvents {
 public:
  Header take() && { return std::move(header_); }

 protected:
  bool on_number(std::uint64_t number) override;
  bool on_string(std::string& text) override;
  bool on_key(std::string& key) override;
  bool on_start_object() override;
  bool on_end_object() override;
  bool on_start_array() override;
  bool on_end_array() override;
  bool on_other(const std::string& value) override;

 private:
  enum class Place { kBefore, kHeader, kMetadata, kTensor, kShape, kOffsets, kAfter };

  bool end_tensor();
  bool refuse_in_tensor(const std::string& problem);

  Header header_;
  TensorEntry tensor_;  // The tensor that is being read.
  std::vector<std::uint64_t> offsets_;
  Place place_ = Place::kBefore;
  std::string key_;  // The last key, of the header, the metadata or the tensor.
  bool has_metadata_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

}  // namespace accelerate::safetensors
