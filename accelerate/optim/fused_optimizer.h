// The step of a LibTorch optimizer in one pass over the parameters, instead of LibTorch's own step,
// which makes a pass for each operator.
//
//   torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
//   auto fused = FusedOptimizer::make(adamw);
//   const kernels::Step plain;
//   if (!fused || !fused->step(&plain)) adamw.step();
//
// For Adam, AdamW, SGD, RMSprop, Adagrad and Lion over fp32 and fp64 parameters on the CPU and over
// fp32 parameters on a GPU, with all their options. All state stays in the user's optimizer, in
// LibTorch's own form: options are read from its param_groups() at each step, step counts and
// moments from its state(). Schedulers, torch::save() and torch::load() therefore work as usual,
// and the optimizer may take single steps itself. State that was made or saved on another device
// moves to the device of the parameters. The result equals LibTorch's up to the rounding of its
// operators, unless moments are kept in bfloat16 (moment_options.h): then they are bfloat16 in the
// state, too, and moments that were loaded in the other type are converted in the next step.
// Gradients are read in place and never written.
//
// Not for a class derived from one of these, whose step() may differ; make() returns null for it.
// Not thread-safe; uses LibTorch's threads when there are many parameters.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "accelerate/optim/moment_options.h"
#include "kernels/step/step.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

class FusedOptimizer {
 public:
  virtual ~FusedOptimizer() = default;

  // Null when there is no fused form for this type of optimizer, or for its parameters as they are
  // now; throws c10::Error in these cases if `moments` asks for bfloat16. The optimizer must
  // outlive the result.
  static std::unique_ptr<FusedOptimizer> make(torch::optim::Optimizer& optimizer,
                                              const MomentOptions& moments = {});

  // The optimizer's name, such as "AdamW".
  virtual std::string_view name() const = 0;
  // The device of the parameters that it steps.
  virtual c10::Device device() const = 0;

  // Takes one step, with every gradient multiplied by the factor in `step`, which is in the memory
  // of the parameters' device. Nothing changes if `step` holds an overflow. On a GPU nothing waits:
  // the state then counts a step whose outcome is not known yet. A parameter without a gradient is
  // left alone; one that appears in the groups twice is stepped twice, as in LibTorch. Returns
  // false, with nothing changed, when a gradient or a state is not dense or differs from the
  // parameter in type or device: the caller then takes the optimizer's own step(). If moments are
  // in bfloat16, which that step does not round stochastically, it throws c10::Error instead.
  virtual bool step(const kernels::Step* step) = 0;

  // For steps on a GPU, whose outcome becomes known later: which parameters the last step took; and
  // a function that adds to their counts in the state.
  virtual std::vector<int32_t> taken() const { return {}; }
  virtual void count(const std::vector<int32_t>& /*taken*/, int64_t /*by*/) {}

  // For steps on a GPU that are recorded and replayed: whether the state exists and the device has
  // the program's current options and counts; a function that copies these to the device; and what
  // else a recording of a step of these parameters depends on, such as addresses.
  virtual bool is_fresh() { return true; }
  virtual void refresh() {}
  virtual std::vector<std::uintptr_t> layout(const std::vector<int32_t>& /*taken*/) { return {}; }
};

// Removes repeated parameters from the groups, such as those of a module that is registered twice:
// LibTorch would step them twice.
void remove_repeated_parameters(torch::optim::Optimizer& optimizer);

}  // namespace accelerate
