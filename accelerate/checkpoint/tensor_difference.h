// What differs between the tensors of a file and those of a program, all at once and by name.
//
// Part of the checkpoints; not for others.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "accelerate/state/state.h"

namespace accelerate::internal {

struct TensorDifference {
  // Names that only the program has, and only the file.
  std::vector<std::string> missing, unexpected;
  // A sentence for each tensor of another shape, or of a type that is not converted to the
  // program's.
  std::vector<std::string> unlike;

  bool is_none() const { return missing.empty() && unexpected.empty() && unlike.empty(); }
};

// Of all values. Floating types are converted to each other. `shown` makes of a name what people
// read.
TensorDifference difference_of(
    const State& saved, const State& own,
    const std::function<std::string(const std::string&)>& shown = [](const auto& name) {
      return name;
    });

// The names below a title, each on a line; nothing where there are none.
std::string listed(std::string_view title, const std::vector<std::string>& names);

}  // namespace accelerate::internal
