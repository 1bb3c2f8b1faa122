#include "accelerate/process/log_level.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <algorithm>

#include "accelerate/logging/level.h"
#include "launcher/env/environment.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

// LibTorch has nothing below INFO and nothing above FATAL.
int severity_of(LogLevel level) {
  constexpr int kFatal = 3;
  return std::clamp(static_cast<int>(level) - static_cast<int>(LogLevel::kInfo), 0, kFatal);
}

}  // namespace

void apply_log_level() {
  const auto word = launcher::process_environment(launcher::kLogLevelVariable);
  if (!word.has_value()) return;
  const auto level = find_log_level(*word);
  TORCH_CHECK(level.has_value(), no_log_level(launcher::kLogLevelVariable, *word));
  FLAGS_caffe2_log_level = severity_of(*level);
}

}  // namespace accelerate
