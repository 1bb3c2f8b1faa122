#include "accelerate/process/log_level.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "launcher/env/environment.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

struct Level {
  const char* name;
  int severity;
};

// LibTorch has nothing below INFO.
constexpr Level kLevels[] = {
    {"DEBUG", 0}, {"INFO", 0}, {"WARNING", 1}, {"ERROR", 2}, {"CRITICAL", 3}};

}  // namespace

void apply_log_level() {
  const auto text = launcher::process_environment(launcher::kLogLevelVariable);
  if (!text.has_value()) return;
  const std::string word = absl::AsciiStrToUpper(*text);
  const auto level = std::find_if(std::begin(kLevels), std::end(kLevels),
                                  [&word](const Level& each) { return word == each.name; });
  TORCH_CHECK(level != std::end(kLevels), launcher::kLogLevelVariable, "=", *text,
              " is no level; set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL, or unset it");
  FLAGS_caffe2_log_level = level->severity;
}

}  // namespace accelerate
