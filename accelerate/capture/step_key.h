// What tells one kind of calls of a captured step from another: a recording is for calls of one
// kind.
//
// Part of StepKinds; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/capture/step_arguments.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/precision/loss_scale.h"

namespace accelerate {

// What decides, beside its arguments, what a step does.
struct StepSurroundings {
  // Of the training.
  c10::Device device;
  // Null where the precision has none.
  const LossScale* loss_scale;
  const AccumulationWindow& window;
  // Of the pass of the loader that is at work; nothing where none is.
  std::optional<int64_t> batches_left;
  // Of accumulate() that a call begins, at most.
  int64_t most_windows;
  // The prepared ones.
  const ModelSet& models;
  const OptimizerSteps& optimizers;
  // Those that were not prepared.
  const std::vector<std::shared_ptr<torch::nn::Module>>& modules;
};

// Types and sizes of the inputs and which of them share memory, the other arguments, and what is
// around the step.
std::string key_of(const StepArguments& arguments, const StepSurroundings& surroundings);

// Whether its elements lie in memory of its own kind, at strides.
inline bool is_dense(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
}

inline bool share_memory(const at::Tensor& one, const at::Tensor& other) {
  return is_dense(one) && is_dense(other) && one.storage().is_alias_of(other.storage());
}

}  // namespace accelerate
