#include "accelerate/checkpoint/tensor_difference.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {

TensorDifference difference_of(const State& saved, const State& own,
                               const std::function<std::string(const std::string&)>& shown) {
  TensorDifference difference;
  for (const auto& [name, value] : own.values()) {
    const auto* mine = std::get_if<at::Tensor>(&value);
    if (mine == nullptr) continue;
    const auto found = saved.values().find(name);
    const auto* theirs =
        found == saved.values().end() ? nullptr : std::get_if<at::Tensor>(&found->second);
    if (theirs == nullptr) {
      difference.missing.push_back(shown(name));
      continue;
    }
    const bool is_converted = theirs->is_floating_point() && mine->is_floating_point();
    if (theirs->sizes() != mine->sizes() ||
        (theirs->scalar_type() != mine->scalar_type() && !is_converted))
      difference.unlike.push_back(
          c10::str(shown(name), " is ", theirs->scalar_type(), " with the sizes ", theirs->sizes(),
                   ", and in the program ", mine->scalar_type(), " with ", mine->sizes()));
  }
  for (const auto& [name, value] : saved.values())
    if (!own.contains(name)) difference.unexpected.push_back(shown(name));
  return difference;
}

std::string listed(std::string_view title, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string text = c10::str("\n", title);
  for (const std::string& name : names) text += "\n  " + name;
  return text;
}

}  // namespace accelerate::internal
