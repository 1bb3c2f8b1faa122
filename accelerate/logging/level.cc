#include "accelerate/logging/level.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/text/printable.h"

namespace accelerate {
namespace {

// In the order of the enumerators, which are the indices.
constexpr const char* kWords[] = {"TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"};

}  // namespace

std::string_view to_string(LogLevel level) { return kWords[static_cast<int>(level)]; }

std::optional<LogLevel> find_log_level(std::string_view word) {
  const auto found =
      std::find_if(std::begin(kWords), std::end(kWords), [word](const char* const each) {
        return absl::EqualsIgnoreCase(each, {word.data(), word.size()});
      });
  if (found == std::end(kWords)) return std::nullopt;
  return static_cast<LogLevel>(found - std::begin(kWords));
}

std::string no_log_level(std::string_view variable, std::string_view word) {
  return absl::StrCat(absl::string_view(variable.data(), variable.size()), "=",
                      launcher::plain_start(std::string(word)), " is no level; set it to one of ",
                      absl::StrJoin(kWords, ", "), ", or unset it");
}

}  // namespace accelerate
