// What makes the copies of a model on all ranks one model, before training and during it.
//
//   check_models_agree(communicator, *net);
//   broadcast_parameters_and_buffers(communicator, *net, /*root=*/0);
//
// Not for gradients: those are a GradientReducer's.
#pragma once

#include <torch/nn/module.h>

#include "accelerate/comm/communicator.h"

namespace accelerate {

// Throws c10::Error on every rank when the names, shapes or types of parameters and buffers are not
// the same on all, naming the first difference; and of an embedding with sparse gradients on a GPU.
void check_models_agree(Communicator& communicator, const torch::nn::Module& module);

// Gives every rank the parameters and buffers of one rank, in place.
void broadcast_parameters_and_buffers(Communicator& communicator, const torch::nn::Module& module,
                                      int root);

// The same for buffers alone, such as the running statistics of BatchNorm.
void broadcast_buffers(Communicator& communicator, const torch::nn::Module& module, int root);

}  // namespace accelerate
