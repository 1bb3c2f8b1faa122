// The optimizers that the library knows, LibTorch's and its own: what it asks of one that it was
// given as a torch::optim::Optimizer.
//
//   const RegisteredOptimizer* known = find_registered(optimizer);
//   return known != nullptr ? known->make_cpu(optimizer, {}) : nullptr;
//
// A new one is a header like fused_sgd.h and a line in optimizer_registry.cc. Not for programs.
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

// A tensor of what an optimizer keeps of a parameter; perhaps undefined.
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
  // Of exactly this class: one that is derived from it may step otherwise.
  const std::type_info& type;
  // Its fused form, for parameters on the CPU and on a GPU.
  std::unique_ptr<FusedOptimizer> (*make_cpu)(torch::optim::Optimizer& optimizer,
                                              const MomentOptions& moments);
  std::unique_ptr<FusedOptimizer> (*make_gpu)(torch::optim::Optimizer& optimizer,
                                              c10::Device device, const MomentOptions& moments);
  // Whether it keeps moments in bfloat16 where these options say so.
  bool has_moments;
  // The momentum in these options, or the first beta; null where they are of another optimizer, or
  // have neither.
  double* (*momentum)(torch::optim::OptimizerOptions& options);

  // ---- What a run that is saved goes on from, by LibTorch's names
  // What is kept of a parameter before it has stepped: nothing.
  std::unique_ptr<torch::optim::OptimizerParamState> (*make_state)();
  std::vector<NamedArray> (*arrays)(torch::optim::OptimizerParamState& state);
  // How many steps the parameter has taken; none where the optimizer does not count them.
  std::optional<int64_t> (*steps)(const torch::optim::OptimizerParamState& state);
  // Of those that count.
  void (*set_steps)(torch::optim::OptimizerParamState& state, int64_t steps);
  std::vector<NamedOption> (*options)(torch::optim::OptimizerOptions& options);
};

std::span<const RegisteredOptimizer> registered_optimizers();
// Null where it is none of these.
const RegisteredOptimizer* find_registered(const torch::optim::Optimizer& optimizer);

}  // namespace accelerate::internal
