// What examples of accelerate/precision take as given.
#include "accelerate/main/main.h"

extern torch::nn::Linear model;
extern at::Tensor input, output, loss;
extern torch::optim::SGD optimizer;
extern std::vector<at::Tensor> gradients;
template <class Accelerator>
void train(Accelerator& accelerator);
