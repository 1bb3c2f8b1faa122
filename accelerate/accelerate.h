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
#include "accelerate/data/concatenation.h"
#include "accelerate/data/csv_file.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/mapped.h"
#include "accelerate/data/safetensors_file.h"
#include "accelerate/data/sample_generator.h"
#include "accelerate/data/samplers.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/data/token_file.h"
#include "accelerate/logging/log_file.h"
#include "accelerate/logging/logger.h"
#include "accelerate/main/main.h"
#include "accelerate/main/runfiles.h"
#include "accelerate/nn/fused_linear.h"
#include "accelerate/optim/lion.h"
#include "accelerate/optim/schedulers.h"
#include "accelerate/progress_bar/progress_bar.h"
#include "accelerate/tracking/file_trackers.h"
#include "accelerate/tracking/tensorboard_tracker.h"
