#include "accelerate/comm/shared_memory/introduction.h"

#include <sched.h>

#include <charconv>
#include <string_view>

namespace accelerate::internal {
namespace {

// Takes values off the front of a text; what is not there is noted, and reads as nothing.
struct Reader {
  std::string_view left;
  bool is_valid = true;

  size_t number(size_t maximum) {
    size_t value = 0;
    const char* const end = left.data() + left.size();
    const auto [rest, error] = std::from_chars(left.data(), end, value);
    is_valid = is_valid && error == std::errc() && value <= maximum && rest != end && *rest == ' ';
    if (!is_valid) return 0;
    left.remove_prefix(rest + 1 - left.data());
    return value;
  }
  std::string bytes() {
    const size_t size = number(kLongestText);
    is_valid = is_valid && size <= left.size();
    if (!is_valid) return {};
    const std::string result(left.substr(0, size));
    left.remove_prefix(size);
    return result;
  }
  bool is_at_end() const { return is_valid && left.empty(); }
};

std::string written(const std::string& bytes) { return std::to_string(bytes.size()) + ' ' + bytes; }
std::string written(int number) { return std::to_string(number) + ' '; }

}  // namespace

std::string to_text(const Introduction& introduction) {
  std::string text =
      written(introduction.host) + written(introduction.pid_namespace) + written(introduction.pid);
  for (const int core : introduction.cores) text += written(core);
  return text;
}

std::optional<Introduction> read_introduction(const std::string& text) {
  constexpr size_t kLargestPid = 1 << 22;
  Reader reader{text};
  Introduction result;
  result.host = reader.bytes();
  result.pid_namespace = reader.bytes();
  result.pid = static_cast<int>(reader.number(kLargestPid));
  while (reader.is_valid && !reader.left.empty())
    result.cores.insert(static_cast<int>(reader.number(CPU_SETSIZE - 1)));
  if (!reader.is_at_end() || result.pid == 0) return std::nullopt;
  return result;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& each : texts) text += written(each);
  return text;
}

std::optional<std::vector<std::string>> split(const std::string& text, size_t count) {
  Reader reader{text};
  std::vector<std::string> result;
  while (result.size() < count && reader.is_valid) result.push_back(reader.bytes());
  if (!reader.is_at_end()) return std::nullopt;
  return result;
}

}  // namespace accelerate::internal
