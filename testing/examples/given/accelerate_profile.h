// What examples of accelerate/profile take as given.
#include <torch/torch.h>

#include "accelerate/core/accelerator.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern std::vector<torch::data::Example<>> loader;
void train_on(const torch::data::Example<>& batch);
