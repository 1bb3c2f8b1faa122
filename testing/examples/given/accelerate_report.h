// What examples of accelerate/report take as given.
#include <torch/torch.h>

#include "accelerate/core/accelerator.h"
#include "accelerate/report/run_meter.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern accelerate::Communicator& communicator;
extern accelerate::ProcessInfo process;
extern at::Device device;
extern torch::nn::Sequential net;
extern at::Tensor x;
at::Tensor loss_of(const at::Tensor& output);
void train_some();
