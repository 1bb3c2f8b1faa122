#include "launcher/env/host_list.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

constexpr size_t kMostHosts = 65536;

using Names = std::vector<std::string>;

std::optional<uint64_t> to_number(std::string_view text) {
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string padded(uint64_t number, size_t width) {
  const std::string digits = absl::StrCat(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

// What stands between brackets: `1-3,07`.
std::optional<Names> expand_ranges(const std::string& text) {
  Names numbers;
  const std::vector<std::string> ranges = absl::StrSplit(text, ',');
  for (const std::string& range : ranges) {
    const size_t hyphen = range.find('-');
    const std::string first_text = range.substr(0, hyphen);
    const auto first = to_number(first_text);
    const auto last = hyphen == std::string::npos ? first : to_number(range.substr(hyphen + 1));
    if (!first.has_value() || !last.has_value() || *last < *first) return std::nullopt;
    if (*last - *first >= kMostHosts - numbers.size()) return std::nullopt;
    for (uint64_t number = *first; number <= *last; ++number) {
      numbers.push_back(padded(number, first_text.size()));
    }
  }
  return numbers;
}

// A name with brackets: `rack[1-2]node[01-04]`.
std::optional<Names> expand_name(std::string_view name) {
  Names hosts = {""};
  while (!name.empty()) {
    const size_t open = name.find('[');
    const std::string_view literal = name.substr(0, open);
    if (literal.find(']') != std::string_view::npos) return std::nullopt;
    for (std::string& host : hosts) host += literal;
    if (open == std::string_view::npos) break;
    const size_t close = name.find(']', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto numbers = expand_ranges(std::string(name.substr(open + 1, close - open - 1)));
    if (!numbers.has_value() || numbers->size() > kMostHosts / hosts.size()) return std::nullopt;
    Names longer;
    for (const std::string& host : hosts) {
      for (const std::string& number : *numbers) longer.push_back(host + number);
    }
    hosts = std::move(longer);
    name.remove_prefix(close + 1);
  }
  return hosts;
}

// At commas that are in no brackets.
std::vector<std::string_view> split_names(std::string_view text) {
  std::vector<std::string_view> names;
  size_t begin = 0;
  bool is_in_brackets = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') is_in_brackets = true;
    if (text[i] == ']') is_in_brackets = false;
    if (text[i] != ',' || is_in_brackets) continue;
    names.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  names.push_back(text.substr(begin));
  return names;
}

}  // namespace

absl::StatusOr<Names> expand_host_list(const std::string& variable, const std::string& text) {
  Names hosts;
  for (const std::string_view name : split_names(text)) {
    const auto expanded = name.empty() ? std::nullopt : expand_name(name);
    if (!expanded.has_value() || expanded->size() > kMostHosts - hosts.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(variable, "=", text,
                       " is not a list of hosts, such as node[1-3],login; correct it, or set "
                       "MASTER_ADDR to the host of rank 0."));
    }
    hosts.insert(hosts.end(), expanded->begin(), expanded->end());
  }
  return hosts;
}

absl::StatusOr<std::string> first_host(const std::string& variable, const std::string& text) {
  const absl::StatusOr<Names> hosts = expand_host_list(variable, text);
  if (!hosts.ok()) return hosts.status();
  return hosts->front();
}

}  // namespace accelerate::launcher
