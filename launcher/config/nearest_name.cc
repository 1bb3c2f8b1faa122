#include "launcher/config/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/ascii.h"

namespace accelerate::launcher {
namespace {

std::size_t count_edits(const std::string& from, const std::string& to) {
  std::vector<std::size_t> costs(to.size() + 1);
  std::iota(costs.begin(), costs.end(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = costs[0];
    costs[0] = i + 1;
    for (std::size_t k = 0; k < to.size(); ++k) {
      const std::size_t replace = diagonal + (from[i] == to[k] ? 0 : 1);
      diagonal = costs[k + 1];
      costs[k + 1] = std::min({replace, costs[k] + 1, costs[k + 1] + 1});
    }
  }
  return costs.back();
}

}  // namespace

std::optional<std::string> nearest_name(const std::string& text,
                                        const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 64;
  if (text.size() > kLongest) return std::nullopt;
  const std::string lower = absl::AsciiStrToLower(text);
  std::optional<std::string> nearest;
  std::size_t fewest = text.size() / 3 + 1;
  for (const std::string& name : names) {
    const std::size_t edits = count_edits(lower, absl::AsciiStrToLower(name));
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = name;
  }
  return nearest;
}

}  // namespace accelerate::launcher
