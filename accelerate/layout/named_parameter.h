// A parameter and the name by which errors refer to it.
//
//   std::vector<NamedParameter> parameters;
//   for (auto& item : net->named_parameters()) parameters.push_back({item.key(), item.value()});
//
// Not for buffers, which nobody updates.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace accelerate {

struct NamedParameter {
  // As in the module's named_parameters(), such as "classifier.weight".
  std::string name;
  at::Tensor tensor;
};

}  // namespace accelerate
