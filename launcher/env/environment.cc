#include "launcher/env/environment.h"

#include <cstdlib>

namespace accelerate::launcher {

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

void apply_environment_changes(const EnvironmentChanges& changes) {
  for (const auto& [name, value] : changes) {
    if (value.has_value()) {
      setenv(name.c_str(), value->c_str(), /*replace=*/1);
    } else {
      unsetenv(name.c_str());
    }
  }
}

}  // namespace accelerate::launcher
