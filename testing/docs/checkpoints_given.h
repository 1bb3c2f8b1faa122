// What the examples of docs/checkpoints.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern torch::nn::Linear ema_net;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
extern accelerate::Progress& progress;
void train(const at::Tensor& data, const at::Tensor& target);
double evaluate();
extern accelerate::PreparedModel<torch::nn::LinearImpl> model;
extern int64_t epochs;
