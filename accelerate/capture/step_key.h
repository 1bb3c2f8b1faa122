// What distinguishes one kind of calls of a captured step from another: each recording is for calls
// of one kind.
//
// Part of StepKinds; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "accelerate/capture/step_arguments.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/precision/loss_scale.h"

namespace accelerate {

// What determines what a step does, in addition to its arguments.
struct StepSurroundings {
  // The device of the training.
  c10::Device device;
  // Null if the precision has none.
  const LossScale* loss_scale;
  const AccumulationWindow& window;
  // The current pass of a loader; null if there is none.
  std::shared_ptr<const LoaderProgress> pass;
  // The most steps of accumulate() that one call begins.
  int64_t most_windows;
  // The prepared models and optimizers.
  const ModelSet& models;
  const OptimizerSteps& optimizers;
  // The modules in CaptureOptions, which were not prepared.
  const std::vector<std::shared_ptr<torch::nn::Module>>& modules;
};

// Describes types and sizes of the inputs, which of them share memory, the other arguments, and the
// surroundings of the step.
std::string key_of(const StepArguments& arguments, const StepSurroundings& surroundings);

// Of memory on the CPU, as far as kernels heed it, in bytes.
inline constexpr std::size_t kAlignment = 64;

// Whether the tensor is strided and has a storage.
inline bool is_dense(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
}

inline bool share_memory(const at::Tensor& one, const at::Tensor& other) {
  return is_dense(one) && is_dense(other) && one.storage().is_alias_of(other.storage());
}

}  // namespace accelerate
