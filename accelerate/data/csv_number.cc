#include "accelerate/data/csv_number.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace accelerate {
namespace {

// Whether all of the text is a number, which may not fit.
template <class Number>
bool parse_all(std::string_view text, Number& value, std::errc& error) {
  const auto [end, result] = std::from_chars(text.data(), text.data() + text.size(), value);
  error = result;
  return result != std::errc::invalid_argument && end == text.data() + text.size();
}

std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

}  // namespace

const char* parse_number(std::string_view text, float& value) {
  text = without_plus(text);
  std::errc error = {};
  if (!parse_all(text, value, error)) return "is not a number";
  if (error == std::errc::result_out_of_range) {
    // Far too large, or so small that it is rounded.
    long double wide = 0;
    parse_all(text, wide, error);
    if (error != std::errc() || std::abs(wide) > std::numeric_limits<float>::max())
      return "is out of range for a float";
    value = static_cast<float>(wide);
  }
  return std::isfinite(value) ? nullptr : "is not a finite number";
}

const char* parse_number(std::string_view text, int64_t& value) {
  std::errc error = {};
  if (!parse_all(without_plus(text), value, error)) return "is not a whole number";
  return error == std::errc() ? nullptr : "does not fit into 64 bits";
}

}  // namespace accelerate
