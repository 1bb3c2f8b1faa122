#include "formats/metrics/utf8_text.h"

#include <algorithm>

#include "nlohmann/json.hpp"

namespace accelerate::metrics {

std::string utf8_text(const std::string& text) {
  using nlohmann::json;
  const auto is_ascii = [](char byte) { return static_cast<unsigned char>(byte) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return text;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace accelerate::metrics
