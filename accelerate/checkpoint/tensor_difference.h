// Lists all differences between the tensors of a file and those of a program, by name.
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
  // A phrase for each tensor with another shape, or with a type that is not converted to the
  // program's.
  std::vector<std::string> unlike;

  bool is_none() const { return missing.empty() && unexpected.empty() && unlike.empty(); }
};

// Compares all values. Floating-point types are converted to each other, and so do not differ.
// `shown` turns a name into the one that people read.
TensorDifference difference_of(
    const State& saved, const State& own,
    const std::function<std::string(const std::string&)>& shown = [](const auto& name) {
      return name;
    });

// The names below a title, one per line; empty if there are no names.
std::string listed(std::string_view title, const std::vector<std::string>& names);

}  // namespace accelerate::internal
