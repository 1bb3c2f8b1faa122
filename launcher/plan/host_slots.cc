#include "launcher/plan/host_slots.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "launcher/env/size_limits.h"

namespace accelerate::launcher {
namespace {

// 0 for none.
int slots_of(const std::vector<std::string>& words) {
  std::string number;
  const std::size_t colon = words[0].rfind(':');
  if (colon != std::string::npos) number = words[0].substr(colon + 1);
  for (const std::string& word : words) {
    absl::string_view rest = word;
    if (absl::ConsumePrefix(&rest, "slots=")) number = std::string(rest);
  }
  int slots = 0;
  const bool is_number = absl::SimpleAtoi(number, &slots) && slots > 0 && slots <= kMostProcesses;
  return is_number ? slots : 0;
}

}  // namespace

std::vector<int> parse_host_slots(std::string_view hostfile) {
  std::vector<int> slots;
  const std::vector<std::string> lines = absl::StrSplit(std::string(hostfile), '\n');
  for (const std::string& line : lines) {
    const std::string entry = line.substr(0, line.find('#'));
    const std::vector<std::string> words =
        absl::StrSplit(entry, absl::ByAnyChar(" \t\r"), absl::SkipWhitespace());
    if (words.empty()) continue;
    slots.push_back(slots_of(words));
    if (slots.back() == 0) return {};
  }
  return slots;
}

}  // namespace accelerate::launcher
