#include "accelerate/tracking/logged_values.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <set>
#include <string_view>
#include <type_traits>
#include <variant>

#include "formats/metrics/number_text.h"

namespace accelerate::internal {

void check_name(const std::string& name) {
  TORCH_CHECK(!name.empty(), "log(): a value has no name; give it one, such as \"loss\"");
  TORCH_CHECK(name != "step" && name != "time", "log(): `", name,
              "` is in each line already; remove the value, or give it another name");
}

void check_names(const LogValues& values) {
  std::set<std::string_view> names;
  for (const auto& [name, value] : values) {
    check_name(name);
    TORCH_CHECK(names.insert(name).second, "log(): there are two values with the name `", name,
                "`; give each its own name");
  }
}

void check_is_number(const std::string& name, const at::Tensor& tensor) {
  TORCH_CHECK(tensor.defined() && tensor.numel() == 1, "log(): `", name, "` has ",
              tensor.defined() ? tensor.numel() : 0,
              " values; log one number, such as their mean(), or all of them with log_histogram()");
  TORCH_CHECK(!tensor.is_complex(), "log(): `", name,
              "` is complex; log its real and imaginary parts");
}

void check_has_means(const LogValues& values) {
  for (const auto& [name, value] : values)
    TORCH_CHECK(!std::holds_alternative<std::string>(value.get()), "log(): `", name,
                "` is a text, which has no mean; log it in a separate call");
}

metrics::Value number_of(const at::Tensor& tensor) {
  if (tensor.is_floating_point()) return tensor.item<double>();
  return tensor.item<int64_t>();
}

at::Tensor pixels_of(const at::Tensor& image) {
  at::Tensor rows = image.permute({1, 2, 0});
  if (rows.is_floating_point()) rows = rows.nan_to_num().clamp(0, 1).mul(255);
  return rows.to(at::kByte).contiguous();
}

nlohmann::ordered_json json_of(const RunSettings& settings) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [name, setting] : settings)
    std::visit(
        [&, &name = name](const auto& value) {
          json[name] = value;
          // JSON has no other numbers.
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>)
            if (!std::isfinite(value)) json[name] = metrics::number_text(value);
        },
        setting.get());
  return json;
}

}  // namespace accelerate::internal
