// Everything that a training program needs besides LibTorch itself:
//
//   #include <torch/torch.h>
//
//   #include "accelerate/accelerate.h"
//
// See accelerate/core/accelerator.h for the Accelerator and accelerate/main/main.h for
// ACCELERATE_MAIN.
#pragma once

#include "accelerate/core/accelerator.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/data/token_file.h"
#include "accelerate/main/main.h"
#include "accelerate/main/runfiles.h"
#include "accelerate/nn/fused_linear.h"
#include "accelerate/optim/lion.h"
#include "accelerate/optim/schedulers.h"
