#include "launcher/env/python_interpreter.h"

#include <optional>

namespace accelerate::launcher {

std::string python_interpreter(const EnvironmentLookup& lookup) {
  const std::optional<std::string> python = lookup(kPythonVariable);
  return python.has_value() && !python->empty() ? *python : "python3";
}

}  // namespace accelerate::launcher
