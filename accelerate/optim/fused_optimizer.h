// The step of a LibTorch optimizer in one pass over the parameters, in place of LibTorch's own,
// which makes a pass for each operator.
//
//   torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
//   auto fused = FusedOptimizer::make(adamw);
//   if (!fused || !fused->step(/*gradient_factor=*/1.0)) adamw.step();
//
// For Adam, AdamW, SGD, RMSprop and Adagrad, with every option that LibTorch has. All state stays
// in the user's optimizer, in LibTorch's own form: options are read from its param_groups() at each
// step, step counts and moments from its state(), so that schedulers, torch::save() and
// torch::load() act as always, and single steps may be taken by the optimizer itself. The result is
// LibTorch's within the rounding of its operators. Gradients are read where they are and never
// written.
//
// Not for parameters on a GPU, and not for a class derived from one of these, whose step() may be
// another; make() returns null there. Not thread-safe; uses LibTorch's threads where the parameters
// are many.
#pragma once

#include <memory>
#include <string_view>

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

class FusedOptimizer {
 public:
  virtual ~FusedOptimizer() = default;

  // Null when no fused form serves this type of optimizer, or its parameters as they are now. The
  // optimizer must outlive the result.
  static std::unique_ptr<FusedOptimizer> make(torch::optim::Optimizer& optimizer);

  // The optimizer's name, such as "AdamW".
  virtual std::string_view name() const = 0;

  // One step with every gradient times the factor. A parameter without a gradient is left alone;
  // one that stands in the groups twice is stepped twice, as LibTorch does. False, with nothing
  // changed, when a gradient or a state is not dense, of the parameter's type and on the CPU: then
  // the optimizer's own step() is to be taken.
  virtual bool step(double gradient_factor) = 0;
};

// Removes from the groups what stands in them more than once, as a module that is registered twice
// does in parameters(): LibTorch would step it twice.
void remove_repeated_parameters(torch::optim::Optimizer& optimizer);

}  // namespace accelerate
