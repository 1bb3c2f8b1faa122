// What examples of accelerate/watch take as given.
#include <torch/torch.h>

#include "accelerate/core/accelerator.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern std::vector<torch::data::Example<>> loader;
extern torch::nn::Sequential net;
extern at::Tensor x;
extern std::vector<accelerate::NamedParameter> named_parameters;
at::Tensor loss_of(const at::Tensor& output);
void train(const std::vector<torch::data::Example<>>& loader);
