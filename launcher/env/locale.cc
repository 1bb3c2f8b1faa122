#include "launcher/env/locale.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "launcher/env/environment.h"

namespace accelerate::launcher {

bool shows_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::optional<std::string> value = process_environment(name);
    if (!value.has_value() || value->empty()) continue;
    const std::string letters = absl::AsciiStrToLower(*value);
    return absl::StrContains(letters, "utf-8") || absl::StrContains(letters, "utf8");
  }
  return true;
}

}  // namespace accelerate::launcher
