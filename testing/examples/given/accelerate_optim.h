// What examples of accelerate/optim take as given.
#include <cmath>

extern torch::nn::Linear net;
extern torch::optim::SGD sgd;
extern torch::optim::AdamW adamw;
extern std::vector<at::Tensor> loader;
void train_one_batch(const at::Tensor& batch);
void train_one_epoch();
double validation_loss();
// ---- lambda_lr.h
extern accelerate::RateFactor backbone_factor, head_factor;
