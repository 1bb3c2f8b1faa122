// What examples of accelerate/optim take as given.
#include <cmath>

#include "accelerate/core/accelerator.h"
#include "accelerate/optim/fused_sgd.h"

extern torch::nn::Linear net;
extern torch::optim::SGD sgd;
extern torch::optim::AdamW adamw;
extern std::vector<at::Tensor> loader;
void train_one_batch(const at::Tensor& batch);
void train_one_epoch();
double validation_loss();
at::Tensor loss_of(const at::Tensor& batch);
// ---- fused_items.h
void step(const auto& item, const auto& options);
// ---- lambda_lr.h
extern accelerate::RateFactor backbone_factor, head_factor;
// ---- lion.h
extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
// ---- optimizer_registry.h
extern torch::optim::Optimizer& optimizer;
