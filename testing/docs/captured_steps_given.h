// What the examples of docs/captured_steps.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern torch::nn::Linear teacher;
extern torch::nn::Dropout dropout;
at::Tensor train_step(const torch::data::Example<>& batch);
