// What examples of testing/benchmarks take as given.
#include "accelerate/core/accelerator.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern std::vector<at::Tensor> loader;
at::Tensor train(const at::Tensor& batch);
