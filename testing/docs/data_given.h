// What the examples of docs/data.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include <fstream>
#include <iostream>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern accelerate::TensorDataset images, more_images;
extern accelerate::CsvFile flowers;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
extern accelerate::PreparedModel<torch::nn::LinearImpl> model;
extern int64_t correct;
struct Pipe {
  std::optional<at::Tensor> next();
};
extern Pipe from_a_pipe;
void train(const at::Tensor& data, const at::Tensor& target);
