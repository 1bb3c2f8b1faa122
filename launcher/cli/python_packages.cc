#include "launcher/cli/python_packages.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

// Prints a line for Python and for each package. The current folder is no place for modules: it may
// have an email.py, which importlib.metadata would run.
constexpr char kScript[] = R"(
import sys
sys.path[:] = [path for path in sys.path if path]
from importlib import metadata
print("Python=" + sys.version.split()[0] + " at " + sys.executable)
for name in sys.argv[1:]:
    try:
        print(name + "=" + str(metadata.version(name)))
    except Exception:
        print(name + "=not installed")
)";

}  // namespace

std::vector<Fact> python_facts(const std::string& python, const CommandOutputOptions& options) {
  const absl::StatusOr<std::string> output = command_output(
      {python, "-c", kScript, "torch", "accelerate", "numpy", "safetensors"}, options);
  if (!output.ok()) {
    return {{"Python", "not known (" + std::string(output.status().message()) + ")"}};
  }
  std::vector<Fact> facts;
  for (const auto line : absl::StrSplit(*output, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
    Fact fact = {parts.first, parts.second};
    if (facts.empty()) {
      facts.push_back(std::move(fact));
    } else {
      facts[0].details.push_back(std::move(fact));
    }
  }
  if (facts.empty()) return {{"Python", "not known (" + python + " printed nothing)"}};
  return facts;
}

}  // namespace accelerate::launcher
