#include "launcher/config/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

constexpr char kDigits[] = "0123456789";
constexpr char kDigitsAndUnderscore[] = "0123456789_";

// Matches the beginnings of a text, step by step. Not std::regex, which recurses once a character.
class Matcher {
 public:
  explicit Matcher(std::string_view text) : rest_(text) {}

  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Takes as many as there are, up to `most`; returns how many.
  std::size_t many_of(std::string_view characters, std::size_t most = std::string_view::npos) {
    const std::size_t stop = std::min(rest_.find_first_not_of(characters), rest_.size());
    const std::size_t count = std::min(stop, most);
    rest_.remove_prefix(count);
    return count;
  }

  bool word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool between(std::size_t least, std::size_t most, std::string_view characters) {
    const std::size_t count = many_of(characters, most);
    return count >= least;
  }

  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool is_one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_null(const std::string& text) { return is_one_of(text, {"", "~", "null", "Null", "NULL"}); }

bool is_true(const std::string& text) {
  return is_one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"});
}

bool is_false(const std::string& text) {
  return is_one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"});
}

// `:59` and so on, of numbers to the base 60. At least one.
bool match_sexagesimal(Matcher& matcher) {
  bool any = false;
  while (matcher.word(":")) {
    const bool tens = matcher.one_of("012345");
    // A digit, or one of those above alone.
    if (!matcher.one_of(kDigits) && !tens) return false;
    any = true;
  }
  return any;
}

bool is_integer(const std::string& text) {
  const auto rest_is = [&text](auto match) {
    Matcher matcher(text);
    matcher.one_of("+-");
    return match(matcher) && matcher.at_end();
  };
  return rest_is([](Matcher& m) { return m.word("0b") && m.many_of("01_") > 0; }) ||
         rest_is(
             [](Matcher& m) { return m.word("0x") && m.many_of("0123456789abcdefABCDEF_") > 0; }) ||
         rest_is([](Matcher& m) { return m.word("0") && (m.many_of("01234567_"), true); }) ||
         rest_is([](Matcher& m) {
           return m.one_of("123456789") && (m.many_of(kDigitsAndUnderscore), true);
         }) ||
         rest_is([](Matcher& m) {
           return m.one_of("123456789") && (m.many_of(kDigitsAndUnderscore), true) &&
                  match_sexagesimal(m);
         });
}

bool match_exponent(Matcher& matcher) {
  if (!matcher.one_of("eE")) return true;
  return matcher.one_of("+-") && matcher.many_of(kDigits) > 0;
}

bool is_special_float(const std::string& text) {
  return is_one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
                          "-.INF", ".nan", ".NaN", ".NAN"});
}

bool is_float(const std::string& text) {
  if (is_special_float(text)) return true;
  Matcher fraction(text);
  if (fraction.word(".") && fraction.one_of(kDigits)) {
    fraction.many_of(kDigitsAndUnderscore);
    return match_exponent(fraction) && fraction.at_end();
  }
  Matcher matcher(text);
  matcher.one_of("+-");
  if (!matcher.one_of(kDigits)) return false;
  matcher.many_of(kDigitsAndUnderscore);
  const bool sexagesimal = match_sexagesimal(matcher);
  if (!matcher.word(".")) return false;
  matcher.many_of(kDigitsAndUnderscore);
  return (sexagesimal || match_exponent(matcher)) && matcher.at_end();
}

bool is_date(const std::string& text) {
  Matcher day(text);
  if (day.between(4, 4, kDigits) && day.word("-") && day.between(2, 2, kDigits) && day.word("-") &&
      day.between(2, 2, kDigits) && day.at_end()) {
    return true;
  }
  Matcher m(text);
  if (!(m.between(4, 4, kDigits) && m.word("-") && m.between(1, 2, kDigits) && m.word("-") &&
        m.between(1, 2, kDigits) && (m.one_of("Tt") || m.many_of(" \t") > 0) &&
        m.between(1, 2, kDigits) && m.word(":") && m.between(2, 2, kDigits) && m.word(":") &&
        m.between(2, 2, kDigits))) {
    return false;
  }
  if (m.word(".")) m.many_of(kDigits);
  if (m.at_end()) return true;
  m.many_of(" \t");
  if (m.word("Z")) return m.at_end();
  if (!m.one_of("+-") || !m.between(1, 2, kDigits)) return false;
  return m.at_end() || (m.word(":") && m.between(2, 2, kDigits) && m.at_end());
}

// As people write them: 12, -3.
bool is_usual_integer(const std::string& text) {
  Matcher matcher(text);
  matcher.word("-");
  if (matcher.word("0")) return matcher.at_end();
  return matcher.one_of("123456789") && (matcher.many_of(kDigits), matcher.at_end());
}

// As Python writes them: 1.0, -1.5e-05, .inf.
bool is_usual_float(const std::string& text) {
  if (is_one_of(text, {".inf", "-.inf", ".nan"})) return true;
  Matcher matcher(text);
  matcher.word("-");
  if (!matcher.word("0") && !(matcher.one_of("123456789") && (matcher.many_of(kDigits), true))) {
    return false;
  }
  return matcher.word(".") && matcher.many_of(kDigits) > 0 && match_exponent(matcher) &&
         matcher.at_end();
}

// The value of an integer of YAML 1.1; nothing where 64 bits do not hold it.
std::optional<std::int64_t> integer_value(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  const bool negative = absl::StartsWith(text, "-");
  if (negative || absl::StartsWith(text, "+")) text.erase(0, 1);
  const auto parse = [](std::string_view digits, int base) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
  };
  std::optional<std::int64_t> value = 0;
  if (absl::StartsWith(text, "0b")) {
    value = parse(std::string_view(text).substr(2), 2);
  } else if (absl::StartsWith(text, "0x")) {
    value = parse(std::string_view(text).substr(2), 16);
  } else if (absl::StartsWith(text, "0")) {
    value = parse(text, 8);
  } else {
    // Base 60 has no letters; plain decimals are its case of one digit.
    std::string_view rest = text;
    while (value.has_value()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      const std::optional<std::int64_t> digit = parse(rest.substr(0, colon), 10);
      std::int64_t scaled = 0;
      std::int64_t sum = 0;
      value = digit.has_value() && !__builtin_mul_overflow(*value, 60, &scaled) &&
                      !__builtin_add_overflow(scaled, *digit, &sum)
                  ? std::optional(sum)
                  : std::nullopt;
      if (colon == rest.size()) break;
      rest.remove_prefix(colon + 1);
    }
  }
  if (value.has_value() && negative) value = -*value;
  return value;
}

std::string usual_float(const std::string& text) {
  if (is_usual_float(text)) return text;
  if (is_special_float(text)) {
    const std::string lower = absl::AsciiStrToLower(text);
    return absl::StartsWith(lower, "+") ? lower.substr(1) : lower;
  }
  std::string plain = text;
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  double value = 0;
  if (!absl::SimpleAtod(plain, &value) || !std::isfinite(value)) return text;
  char digits[64];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  std::string usual(digits, result.ptr);
  if (usual.find('.') == std::string::npos) {
    usual.insert(std::min(usual.find('e'), usual.size()), ".0");
  }
  return usual;
}

}  // namespace

Kind resolve_plain_scalar(const std::string& text) {
  if (is_null(text)) return Kind::kNull;
  if (is_true(text) || is_false(text)) return Kind::kBoolean;
  if (is_integer(text)) return Kind::kInteger;
  if (is_float(text)) return Kind::kFloat;
  return Kind::kString;
}

bool is_plain_string(const std::string& text) {
  return resolve_plain_scalar(text) == Kind::kString && !is_date(text) && text != "<<" &&
         text != "=";
}

Kind section_text_kind(const std::string& text) {
  if (text == "true" || text == "false") return Kind::kBoolean;
  if (is_usual_integer(text)) return Kind::kInteger;
  if (is_usual_float(text)) return Kind::kFloat;
  return Kind::kString;
}

std::string section_text(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kBoolean:
      return is_true(node.text) ? "true" : "false";
    case Kind::kInteger: {
      if (is_usual_integer(node.text)) return node.text;
      const std::optional<std::int64_t> value = integer_value(node.text);
      return value.has_value() ? absl::StrCat(*value) : node.text;
    }
    case Kind::kFloat:
      return usual_float(node.text);
    default:
      return node.text;
  }
}

}  // namespace accelerate::launcher
