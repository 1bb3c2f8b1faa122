// Decides when an optimizer's step and zero_grad() take place: not within a window of accumulate(),
// and not with gradients that only this rank has. optimizer_steps.h defines what a step does.
//
// Part of the Session; programs use PreparedOptimizer. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/engine/uneven_inputs.h"

namespace accelerate {

class Updates {
 public:
  // All of these must outlive this object.
  Updates(Communicator& communicator, c10::Device device, ModelSet& models,
          OptimizerSteps& optimizers, AccumulationWindow& window, const UnevenInputs& uneven_inputs,
          ActiveLoaders& loaders)
      : communicator_(communicator),
        device_(device),
        models_(models),
        optimizers_(optimizers),
        window_(window),
        uneven_inputs_(uneven_inputs),
        loaders_(loaders) {}

  OptimizerSteps& optimizers() { return optimizers_; }

  // Steps the optimizer, unless the gradients are still accumulating or are not finite. Throws
  // c10::Error if the step would use gradients of this rank alone.
  void step(OptimizerState& optimizer);
  // The same for an optimizer that evaluates the loss itself; see PreparedOptimizer.
  at::Tensor step(OptimizerState& optimizer, const std::function<at::Tensor()>& closure);
  void zero_grad(OptimizerState& optimizer, bool set_to_none);

  // Notes that a backward pass has used the batches that the program holds.
  void note_backward() { loaders_.note_training(); }
  // Begins a step of the window with the current batch; see Accelerator::accumulate().
  void begin_batch();
  // Ends a window that a loop left in the middle. Called before each backward pass; acts on the
  // first one outside of accumulate() after such a loop.
  void end_left_window();

 private:
  class Step;

  // The beginning of a step.
  void prepare_step(OptimizerState& optimizer);
  // The end of a step: notes in the flight record how far the run is.
  void note_step(OptimizerState& optimizer);
  void check_synced(OptimizerState& optimizer) const;
  // Throws c10::Error if calls of step() have done nothing for longer than any window takes.
  void check_will_step(OptimizerState& optimizer) const;

  Communicator& communicator_;
  c10::Device device_;
  ModelSet& models_;
  OptimizerSteps& optimizers_;
  AccumulationWindow& window_;
  const UnevenInputs& uneven_inputs_;
  ActiveLoaders& loaders_;

  // A zero_grad() outside of accumulate() while its window is open. It is done if a backward pass
  // follows outside of accumulate(), and dropped if the window continues.
  struct LeftZeroGrad {
    std::weak_ptr<OptimizerState> optimizer;
    bool set_to_none;
  };
  std::vector<LeftZeroGrad> left_zero_grads_;
  bool warned_of_left_window_ = false;

  // The number of the loaders' samples up to the last step.
  int64_t samples_of_steps_ = 0;
};

}  // namespace accelerate
