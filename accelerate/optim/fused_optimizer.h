// The step of a LibTorch optimizer in one pass over the parameters, in place of LibTorch's own,
// which makes a pass for each operator.
//
//   torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
//   auto fused = FusedOptimizer::make(adamw);
//   const kernels::Step plain;
//   if (!fused || !fused->step(&plain)) adamw.step();
//
// For Adam, AdamW, SGD, RMSprop, Adagrad and Lion over fp32 and fp64 parameters on the CPU and over
// fp32 parameters on a GPU, with every option that they have. All state stays in the user's
// optimizer, in LibTorch's own form: options are read from its param_groups() at each step, step
// counts and moments from its state(), so that schedulers, torch::save() and torch::load() act as
// always, and single steps may be taken by the optimizer itself. State that was made or saved on
// another device moves to where the parameters are. The result is LibTorch's within the rounding of
// its operators, unless moments are kept in bfloat16 (moment_options.h): then these are bfloat16 in
// the state too, and moments that were loaded in the other type become of the right one in the next
// step. Gradients are read where they are and never written.
//
// Not for a class derived from one of these, whose step() may be another; make() returns null
// there. Not thread-safe; uses LibTorch's threads where the parameters are many.
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

  // Null when no fused form serves this type of optimizer, or its parameters as they are now; where
  // `moments` are to be in bfloat16, it throws c10::Error then. The optimizer must outlive the
  // result.
  static std::unique_ptr<FusedOptimizer> make(torch::optim::Optimizer& optimizer,
                                              const MomentOptions& moments = {});

  // The optimizer's name, such as "AdamW".
  virtual std::string_view name() const = 0;
  // Where it steps parameters.
  virtual c10::Device device() const = 0;

  // One step, with every gradient times the factor that `step` holds, which lies where the
  // parameters do; nothing changes where it holds an overflow. On a GPU nothing waits: the state
  // then counts a step whose outcome is not known yet. A parameter without a gradient is left
  // alone; one that stands in the groups twice is stepped twice, as LibTorch does. False, with
  // nothing changed, when a gradient or a state is not dense and of the parameter's type and
  // device: then the optimizer's own step() is to be taken. Throws c10::Error in its place where
  // moments are in bfloat16, which that step does not round by chance.
  virtual bool step(const kernels::Step* step) = 0;

  // For steps on a GPU, whose outcome becomes known later: which parameters the last one took, and
  // what adds to the counts of these in the state.
  virtual std::vector<int32_t> taken() const { return {}; }
  virtual void count(const std::vector<int32_t>& /*taken*/, int64_t /*by*/) {}

  // For steps on a GPU that are recorded and replayed: whether the state is there and the device
  // holds the options and counts as the program has them now; what brings these there; and what a
  // recording of a step of these parameters depends on besides, such as addresses.
  virtual bool is_fresh() { return true; }
  virtual void refresh() {}
  virtual std::vector<std::uintptr_t> layout(const std::vector<int32_t>& /*taken*/) { return {}; }
};

// Removes from the groups what stands in them more than once, as a module that is registered twice
// does in parameters(): LibTorch would step it twice.
void remove_repeated_parameters(torch::optim::Optimizer& optimizer);

}  // namespace accelerate
