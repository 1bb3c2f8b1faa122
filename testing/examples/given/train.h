// What examples of train take as given.
#include <torch/torch.h>

#include "accelerate/core/accelerator.h"
#include "testing/subprocess/subprocess.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
// ---- gpt.h
extern at::Tensor characters;
extern torch::optim::AdamWOptions options;
// ---- small_run.h
using accelerate::launcher::Subprocess;
extern std::string folder;
