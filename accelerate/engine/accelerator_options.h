// What a program may choose of how it is trained; every default is what most want.
//
//   ACCELERATE_MAIN(train, {.process_group = {.timeout = std::chrono::minutes(5)},
//                           .gradient_accumulation_steps = 4})
//
// Not for what is chosen at launch: precision, processes and devices are flags and a config file.
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
  // Batches whose gradients are added up for one update, within accumulate().
  int64_t gradient_accumulation_steps = 1;
  GradientAccumulationOptions gradient_accumulation = {};
  // Of Adam and AdamW, in which type they keep their moments; prepare() refuses other optimizers
  // where that is not fp32.
  MomentOptions moments = {};
  // Used with Fp16 only.
  LossScaleOptions loss_scale = {};
  // Settings of LibTorch for the whole process, made with the Accelerator, whatever the strategy.
  GpuOptions gpu = {};
  // A loader's batch size is that of all processes together, and each batch is cut into their
  // parts.
  bool split_batches = false;
  // A loader's last batches are filled up with its first samples, so that all processes make equal
  // steps.
  bool even_batches = true;
  // Schedulers advance once for each batch of the whole run, and not in steps that the optimizer
  // skipped, unless they were prepared as counting otherwise (schedule_unit.h). False: once for
  // each call.
  bool step_scheduler_with_optimizer = true;
  // Where save_state() saves, and what it keeps.
  CheckpointOptions checkpoints = {};
};

struct BackwardOptions {
  // Whether the graph is kept, for another backward pass through it.
  bool retain_graph = false;
  // Whether gradients get a graph of their own, for gradients of them.
  bool create_graph = false;
  // Within accumulate(), whether the loss is divided by the number of batches of its window. Off
  // for a loss that the program has divided itself, as by the number of tokens in the window.
  bool average = true;
};

}  // namespace accelerate
