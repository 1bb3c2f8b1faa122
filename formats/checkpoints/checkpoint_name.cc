#include "formats/checkpoints/checkpoint_name.h"

#include <cstddef>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace accelerate::checkpoints {
namespace {

constexpr std::size_t kIdDigits = 16;

bool consume_suffix(std::string_view suffix, std::string_view& text) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<std::int64_t> number_of(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  name.remove_prefix(std::string_view(kCheckpointPrefix).size());
  std::int64_t number = 0;
  if (name.empty() || name.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(std::string(name), &number)) {
    return std::nullopt;
  }
  // One folder for each number.
  if (name.size() > 1 && name[0] == '0') return std::nullopt;
  return number;
}

}  // namespace

std::optional<CheckpointName> parse_name(const std::string& name) {
  CheckpointName parsed;
  std::string_view rest = name;
  parsed.is_replaced = consume_suffix(kReplacedSuffix, rest);
  if (parsed.is_replaced || consume_suffix(kUnfinishedSuffix, rest)) {
    // NAME.ID
    if (rest.size() < kIdDigits + 2) return std::nullopt;
    const std::string_view id = rest.substr(rest.size() - kIdDigits);
    rest.remove_suffix(kIdDigits);
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos ||
        !consume_suffix(".", rest)) {
      return std::nullopt;
    }
    parsed.id = id;
  }
  parsed.finished = rest;
  parsed.number = number_of(rest);
  if (parsed.id.empty() && !parsed.number.has_value()) return std::nullopt;
  return parsed;
}

std::string path_beside(const std::string& path, const std::string& id, const char* suffix) {
  const std::size_t end = path.find_last_not_of('/');
  return absl::StrCat(path.substr(0, end == std::string::npos ? 0 : end + 1), ".", id, suffix);
}

}  // namespace accelerate::checkpoints
