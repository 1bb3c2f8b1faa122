#include "accelerate/capture/step_key.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/optim/optimizer.h>

#include <cstdint>

namespace accelerate {
namespace {

template <class Number>
void append(std::string& key, Number number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void append_window(std::string& key, const AccumulationWindow& window) {
  append(key, window.sync_gradients());
  append(key, window.holds_partial_sum());
  append(key, window.loss_factor());
}

void append_input(std::string& key, const std::vector<at::Tensor>& inputs, size_t i) {
  const at::Tensor& input = inputs[i];
  append(key, input.defined());
  if (!input.defined()) return;
  append(key, input.scalar_type());
  append(key, input.layout());
  append(key, input.device().type());
  append(key, input.device().index());
  append(key, input.dim());
  for (const int64_t size : input.sizes()) append(key, size);
  if (!is_dense(input)) return;
  for (const int64_t stride : input.strides()) append(key, stride);
  // Kernels take other ways with memory that is aligned otherwise; see StepKinds::own_copy().
  if (input.is_cpu())
    append(key, reinterpret_cast<std::uintptr_t>(input.const_data_ptr()) % kAlignment);
  // What is written in place is seen in both.
  size_t same = 0, shared = 0;
  while (!inputs[same].is_same(input)) ++same;
  while (!share_memory(inputs[shared], input)) ++shared;
  append(key, same);
  append(key, shared);
}

void append_training(std::string& key, const torch::nn::Module& module) {
  append(key, module.is_training());
  // Without the module itself, which need not be in a shared_ptr.
  for (const auto& each : module.modules(/*include_self=*/false)) append(key, each->is_training());
}

}  // namespace

std::string key_of(const StepArguments& arguments, const StepSurroundings& surroundings) {
  std::string key = arguments.rest;
  for (size_t i = 0; i < arguments.tensors.size(); ++i) append_input(key, arguments.tensors, i);
  append(key, c10::GradMode::is_enabled());
  append(key, at::autocast::is_autocast_enabled(surroundings.device.type()));
  append(key, surroundings.loss_scale != nullptr && surroundings.loss_scale->expects_outcome());
  append_window(key, surroundings.window);
  // The step may begin others.
  AccumulationWindow next = surroundings.window;
  for (int64_t i = 0; i < surroundings.most_windows; ++i) {
    next.begin_step(surroundings.pass);
    append_window(key, next);
    next.after_backward();
    next.end_step();
  }
  for (const auto& model : surroundings.models.live()) {
    append(key, model->no_sync_depth > 0 && !model->trigger_sync);
    append_training(key, *model->module);
    for (const NamedParameter& parameter : model->parameters) {
      append(key, parameter.tensor.requires_grad());
      append(key, parameter.tensor.grad().defined());
    }
  }
  for (const auto& optimizer : surroundings.optimizers.live()) {
    // What zero_grad() within a window goes by.
    append(key, surroundings.window.num_steps() > 1 && optimizer->has_used_gradients);
    for (const auto& group : optimizer->optimizer->param_groups()) {
      append(key, group.params().size());
      for (const at::Tensor& parameter : group.params()) {
        append(key, parameter.unsafeGetTensorImpl());
        append(key, parameter.requires_grad());
        append(key, parameter.grad().defined());
      }
    }
  }
  for (const auto& module : surroundings.modules) {
    append_training(key, *module);
    for (const at::Tensor& parameter : module->parameters()) append(key, parameter.requires_grad());
  }
  return key;
}

}  // namespace accelerate
