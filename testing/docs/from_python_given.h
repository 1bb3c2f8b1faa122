// What the examples of docs/from_python.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern torch::nn::Linear net;
extern torch::optim::AdamW adamw;
extern accelerate::PreparedModel<torch::nn::LinearImpl> model;
extern accelerate::PreparedOptimizer optimizer;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
extern int64_t step;
