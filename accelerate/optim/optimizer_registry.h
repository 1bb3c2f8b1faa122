// The optimizers that the library knows, LibTorch's and its own: what it asks of one that it was
// given as a torch::optim::Optimizer.
//
//   for (const RegisteredOptimizer& known : registered_optimizers()) {
//     if (typeid(optimizer) == known.type) return known.make_cpu(optimizer);
//   }
//
// A new one is a header like fused_sgd.h and a line in optimizer_registry.cc. Not for programs.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <span>
#include <typeinfo>

namespace torch::optim {
class Optimizer;
class OptimizerOptions;
}  // namespace torch::optim

namespace accelerate {
class FusedOptimizer;
}

namespace accelerate::internal {

struct RegisteredOptimizer {
  // Of exactly this class: one that is derived from it may step otherwise.
  const std::type_info& type;
  // Its fused form, for parameters on the CPU and on a GPU.
  std::unique_ptr<FusedOptimizer> (*make_cpu)(torch::optim::Optimizer& optimizer);
  std::unique_ptr<FusedOptimizer> (*make_gpu)(torch::optim::Optimizer& optimizer,
                                              c10::Device device);
  // The momentum in these options, or the first beta; null where they are of another optimizer, or
  // have neither.
  double* (*momentum)(torch::optim::OptimizerOptions& options);
};

std::span<const RegisteredOptimizer> registered_optimizers();

}  // namespace accelerate::internal
