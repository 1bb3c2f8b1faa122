// The options that a program gives its Accelerator. The defaults suit most programs.
//
//   ACCELERATE_MAIN(train, {.process_group = {.timeout = std::chrono::minutes(5)},
//                           .gradient_accumulation_steps = 4})
//
// Not for what is chosen at launch: precision, processes and devices come from flags and a config
// file.
#pragma once

#include <cstdint>

#include "accelerate/checkpoint/checkpoint_options.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/gradients/gradient_options.h"
#include "accelerate/optim/moment_options.h"
#include "accelerate/precision/gpu_options.h"
#include "accelerate/precision/loss_scale.h"

namespace accelerate {

struct AcceleratorOptions {
  ProcessGroupOptions process_group = {};
  // How gradients are averaged over the processes.
  GradientOptions gradients = {};
  // The number of batches whose gradients are added up for one update, within accumulate().
  int64_t gradient_accumulation_steps = 1;
  GradientAccumulationOptions gradient_accumulation = {};
  // The type in which Adam and AdamW keep their moments. If it is not fp32, prepare() rejects other
  // optimizers.
  MomentOptions moments = {};
  // Used with Fp16 only.
  LossScaleOptions loss_scale = {};
  // LibTorch's settings for the whole process, applied when the Accelerator is constructed, with
  // every strategy.
  GpuOptions gpu = {};
  // Whether a loader's batch size is the total for all processes, so that each batch is divided
  // among them. Otherwise it is the size for each process.
  bool split_batches = false;
  // Whether a loader's last batches are filled up with its first samples, so that all processes
  // take the same number of steps.
  bool even_batches = true;
  // Whether schedulers advance once for each batch of the whole run, and not in steps that the
  // optimizer skipped; schedule_unit.h has other units. False: once for each call.
  bool step_scheduler_with_optimizer = true;
  // Where save_state() saves, and how many checkpoints it keeps.
  CheckpointOptions checkpoints = {};
};

struct BackwardOptions {
  // Keeps the graph, for another backward pass through it.
  bool retain_graph = false;
  // Makes a graph of the gradients, for gradients of gradients.
  bool create_graph = false;
  // Within accumulate(), divides the loss by the number of batches in its window. Turn it off if
  // the program has divided the loss itself, for example by the number of tokens in the window.
  bool average = true;
};

}  // namespace accelerate
