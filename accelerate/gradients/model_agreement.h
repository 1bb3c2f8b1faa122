// Checks that all ranks have built the same model.
//
//   check_models_agree(communicator, *net);
//
// Not for values, which may differ until they are broadcast.
#pragma once

#include <torch/nn/module.h>

#include "accelerate/comm/communicator.h"

namespace accelerate {

// Throws c10::Error on every rank, naming the first difference, if the names, shapes or types of
// parameters and buffers differ between ranks; also for an embedding with sparse gradients on a
// GPU.
void check_models_agree(Communicator& communicator, const torch::nn::Module& module);

}  // namespace accelerate
