// Makes every rank's gradients the mean over the ranks.
//
//   loss.backward();
//   average_gradients(communicator, parameters);
//
// A parameter without a gradient on every rank is left without one. Where some ranks have one and
// others don't, every rank throws c10::Error with the parameter's name: such a step would silently
// train different models. Not for one process: there it does nothing. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "accelerate/comm/communicator.h"

namespace accelerate {

struct NamedParameter {
  std::string name;
  at::Tensor tensor;
};

// All ranks pass the same parameters in the same order.
void average_gradients(Communicator& communicator, const std::vector<NamedParameter>& parameters);

}  // namespace accelerate
