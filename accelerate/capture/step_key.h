// What tells one kind of calls of a captured step from another: a recording is for calls of one
// kind.
//
// Part of StepKinds; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "accelerate/capture/step_arguments.h"

namespace accelerate {

class Session;

// Types and sizes of the inputs and which of them share memory, the other arguments, and what of
// the session and of these modules, which were not prepared, decides what a step does.
std::string key_of(const StepArguments& arguments, Session& session,
                   const std::vector<std::shared_ptr<torch::nn::Module>>& modules);

// Whether its elements lie in memory of its own kind, at strides.
inline bool is_dense(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
}

inline bool share_memory(const at::Tensor& one, const at::Tensor& other) {
  return is_dense(one) && is_dense(other) && one.storage().is_alias_of(other.storage());
}

}  // namespace accelerate
