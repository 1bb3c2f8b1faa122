// What the examples of docs/diagnosing.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
void train(accelerate::DataLoader<accelerate::TensorDataset>& loader);
