#include "accelerate/checkpoint/state_json.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "accelerate/layout/stored_type.h"
#include "accelerate/state/bytes.h"
#include "launcher/text/utf8.h"

namespace accelerate::internal {
namespace {

using nlohmann::json;

// JSON has no names for these numbers, and its texts are UTF-8.
constexpr const char* kNumber = "number";
constexpr const char* kBytes = "bytes";
constexpr const char* kDtype = "dtype";
constexpr const char* kShape = "shape";

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

std::string bytes_of(const json& value) {
  std::string bytes;
  TORCH_CHECK(absl::Base64Unescape(value.at(kBytes).get<std::string>(), &bytes),
              "the bytes are no base64");
  return bytes;
}

at::Tensor tensor_of(const json& value) {
  const auto dtype = safetensors::parse_dtype(value.at(kDtype).get<std::string>());
  const auto type = dtype ? scalar_type(*dtype) : std::nullopt;
  TORCH_CHECK(type, "a tensor's type is unknown");
  const std::string bytes = bytes_of(value);
  at::Tensor tensor = at::empty(value.at(kShape).get<std::vector<int64_t>>(), *type);
  TORCH_CHECK(tensor.nbytes() == bytes.size(), "a tensor has too few bytes or too many");
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

double number_of(const std::string& name) {
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  TORCH_CHECK(name == "inf" || name == "-inf", "a number is neither finite nor nan nor infinite");
  const double infinity = std::numeric_limits<double>::infinity();
  return name == "inf" ? infinity : -infinity;
}

StateValue value_of(const json& value) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (value.contains(kNumber)) return number_of(value.at(kNumber).get<std::string>());
  if (value.contains(kDtype)) return tensor_of(value);
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

State state_of(const json& json) {
  State state;
  try {
    for (const auto& [name, value] : json.items()) state.set(name, value_of(value));
  } catch (const nlohmann::json::exception& error) {
    TORCH_CHECK(false, "it is no state that was saved: ", error.what());
  }
  return state;
}

}  // namespace accelerate::internal
