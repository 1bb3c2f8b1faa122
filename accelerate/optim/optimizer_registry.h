// The optimizers that the library knows, LibTorch's and its own, with the functions that the
// library needs for an optimizer that it was given as a torch::optim::Optimizer.
//
//   const RegisteredOptimizer* known = find_registered(optimizer);
//   return known != nullptr ? known->make_cpu(optimizer, {}) : nullptr;
//
// To add one, write a header like fused_sgd.h and a line in optimizer_registry.cc. Not for
// programs.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <typeinfo>
#include <variant>
#include <vector>

namespace torch::optim {
class Optimizer;
class OptimizerOptions;
class OptimizerParamState;
}  // namespace torch::optim

namespace accelerate {
class FusedOptimizer;
struct MomentOptions;
}  // namespace accelerate

namespace accelerate::internal {

// A tensor that an optimizer keeps for a parameter; may be undefined.
struct NamedArray {
  std::string_view name;
  at::Tensor* tensor;
};

// An option of a group of parameters.
struct NamedOption {
  std::string_view name;
  std::variant<double*, bool*> value;
};

struct RegisteredOptimizer {
  // Exactly this class; a class derived from it may step differently.
  const std::type_info& type;
  // Its fused form, for parameters on the CPU and on a GPU.
  std::unique_ptr<FusedOptimizer> (*make_cpu)(torch::optim::Optimizer& optimizer,
                                              const MomentOptions& moments);
  std::unique_ptr<FusedOptimizer> (*make_gpu)(torch::optim::Optimizer& optimizer,
                                              c10::Device device, const MomentOptions& moments);
  // Whether it can keep moments in bfloat16.
  bool has_moments;
  // The momentum in these options, or the first beta; null if they belong to another optimizer or
  // have neither.
  double* (*momentum)(torch::optim::OptimizerOptions& options);

  // ---- The state that a saved run continues from, by LibTorch's names
  // The state of a parameter before its first step, which is empty.
  std::unique_ptr<torch::optim::OptimizerParamState> (*make_state)();
  std::vector<NamedArray> (*arrays)(torch::optim::OptimizerParamState& state);
  // How many steps the parameter has taken; std::nullopt if the optimizer does not count them.
  std::optional<int64_t> (*steps)(const torch::optim::OptimizerParamState& state);
  // Only for optimizers that count steps.
  void (*set_steps)(torch::optim::OptimizerParamState& state, int64_t steps);
  std::vector<NamedOption> (*options)(torch::optim::OptimizerOptions& options);
};

std::span<const RegisteredOptimizer> registered_optimizers();
// Null if the optimizer is none of these.
const RegisteredOptimizer* find_registered(const torch::optim::Optimizer& optimizer);

}  // namespace accelerate::internal
