#include "accelerate/checkpoint/state_json.h"

#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "accelerate/layout/stored_type.h"
#include "accelerate/state/bytes.h"
#include "launcher/text/printable.h"
#include "launcher/text/utf8.h"

namespace accelerate::internal {
namespace {

using nlohmann::json;

// JSON has no names for these numbers, and its texts are UTF-8.
constexpr const char* kNumber = "number";
constexpr const char* kBytes = "bytes";
constexpr const char* kDtype = "dtype";
constexpr const char* kShape = "shape";
constexpr size_t kMostDimensions = 64;
constexpr uint64_t kLargestInteger = std::numeric_limits<int64_t>::max();

json json_of(double number) {
  if (std::isfinite(number)) return number;
  if (std::isnan(number)) return {{kNumber, "nan"}};
  return {{kNumber, number > 0 ? "inf" : "-inf"}};
}

json json_of(const std::string& text) {
  if (launcher::find_no_utf8(text) == text.size()) return text;
  return {{kBytes, absl::Base64Escape(text)}};
}

json json_of(const at::Tensor& tensor) {
  const auto dtype = stored_type(tensor.scalar_type());
  TORCH_CHECK(dtype, "a tensor of type ", tensor.scalar_type(),
              " cannot be saved; convert it to another type");
  return {{kDtype, safetensors::dtype_name(*dtype)},
          {kShape, tensor.sizes().vec()},
          {kBytes, absl::Base64Escape(bytes_of_tensor(tensor))}};
}

// A text among the members of an object; null where there is none of the name.
const std::string* text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

// What these throw follows upon the name of the value.
std::string bytes_of(const json& value) {
  const std::string* text = text_in(value, kBytes);
  TORCH_CHECK(text != nullptr, "is not a number, a text or a tensor");
  std::string bytes;
  TORCH_CHECK(absl::Base64Unescape(*text, &bytes), "has bytes that are not base64");
  return bytes;
}

std::vector<int64_t> shape_of(const json& value) {
  const auto found = value.find(kShape);
  TORCH_CHECK(found != value.end() && found->is_array() && found->size() <= kMostDimensions,
              "is a tensor without a shape");
  std::vector<int64_t> shape;
  for (const json& size : *found) {
    TORCH_CHECK(size.is_number_unsigned() && size.get<uint64_t>() <= kLargestInteger,
                "is a tensor with an impossible shape");
    shape.push_back(size.get<int64_t>());
  }
  return shape;
}

at::Tensor tensor_of(const json& value, const std::string& dtype_name) {
  const auto dtype = safetensors::parse_dtype(dtype_name);
  const auto type = dtype ? scalar_type(*dtype) : std::nullopt;
  TORCH_CHECK(type, "is a tensor of an unknown type");
  const std::string bytes = bytes_of(value);
  const std::vector<int64_t> shape = shape_of(value);
  // Before there is memory for it. Without its zeros, as strides are computed without them.
  int64_t size = static_cast<int64_t>(c10::elementSize(*type));
  bool is_empty = false, fits = true;
  for (const int64_t each : shape) {
    is_empty = is_empty || each == 0;
    fits = fits && !__builtin_mul_overflow(size, std::max<int64_t>(each, 1), &size);
  }
  TORCH_CHECK(fits && bytes.size() == (is_empty ? 0 : static_cast<uint64_t>(size)),
              "is a tensor of ", bytes.size(), " bytes, which is not what its shape needs");
  at::Tensor tensor = at::empty(shape, *type);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

double number_of(const std::string& name) {
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  TORCH_CHECK(name == "inf" || name == "-inf", "is neither finite nor nan nor infinite");
  const double infinity = std::numeric_limits<double>::infinity();
  return name == "inf" ? infinity : -infinity;
}

StateValue value_of(const json& value) {
  if (value.is_number_unsigned())
    TORCH_CHECK(value.get<uint64_t>() <= kLargestInteger, "is too large for an integer");
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  TORCH_CHECK(value.is_object(), "is not a number, a text or a tensor");
  if (const std::string* name = text_in(value, kNumber)) return number_of(*name);
  if (const std::string* name = text_in(value, kDtype)) return tensor_of(value, *name);
  return bytes_of(value);
}

}  // namespace

json json_of(const State& state, Tensors tensors) {
  json result = json::object();
  for (const auto& [name, value] : state.values()) {
    TORCH_CHECK(launcher::find_no_utf8(name) == name.size(), "the name of a value, `", name,
                "`, is not UTF-8; give it another");
    if (const auto* tensor = std::get_if<at::Tensor>(&value)) {
      if (tensors == Tensors::kAsBytes) result[name] = json_of(*tensor);
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      result[name] = *integer;
    } else if (const auto* number = std::get_if<double>(&value)) {
      result[name] = json_of(*number);
    } else {
      result[name] = json_of(std::get<std::string>(value));
    }
  }
  return result;
}

State state_of(const json& json, const std::string& place) {
  TORCH_CHECK(json.is_object(), "`", launcher::plain_start(place), "` is not an object");
  State state;
  for (const auto& [name, value] : json.items()) {
    try {
      state.set(name, value_of(value));
    } catch (const c10::Error& error) {
      TORCH_CHECK(false, "`", launcher::plain_start(place + "." + name), "` ",
                  error.what_without_backtrace());
    }
  }
  return state;
}

}  // namespace accelerate::internal
