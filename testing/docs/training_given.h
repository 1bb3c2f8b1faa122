// What the examples of docs/training.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "accelerate/accelerate.h"

template <class Accelerator>
void train(Accelerator& accelerator);

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern torch::nn::Linear net;
extern torch::optim::AdamW adamw;
extern torch::optim::SGD sgd;
extern accelerate::PreparedModel<torch::nn::LinearImpl> model;
extern accelerate::PreparedOptimizer optimizer;
extern accelerate::PreparedScheduler scheduler;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
extern torch::data::Example<> batch;
extern std::vector<torch::data::Example<>> window, my_own_batches;
extern at::Tensor loss, features, logits;
extern double own_loss;
extern std::string question;
extern std::vector<at::Tensor> hidden_states;
extern std::vector<std::string> names, prompts, answers;
at::Tensor loss_of(const at::Tensor& output, const at::Tensor& target);
at::Tensor loss_sum_of(const at::Tensor& output, const at::Tensor& target);
double train_on(const torch::data::Example<>& batch);
std::string name_of_run();
std::string generate(const std::string& prompt);
