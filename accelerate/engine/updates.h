// When an optimizer's step and zero_grad() take place: not within a window of accumulate(), and not
// with gradients of this rank alone. What a step consists of is in optimizer_steps.h.
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
  // All of it outlives this.
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

  // The optimizer's step, unless the gradients are still being added up or are not finite. Throws
  // c10::Error when it would use gradients of this rank alone.
  void step(OptimizerState& optimizer);
  // The same of one that evaluates the loss itself; see PreparedOptimizer.
  at::Tensor step(OptimizerState& optimizer, const std::function<at::Tensor()>& closure);
  void zero_grad(OptimizerState& optimizer, bool set_to_none);

  // A backward pass has used the batches that the program holds.
  void note_backward() { loaders_.note_training(); }
  // The batch at hand begins a step of the window; see Accelerator::accumulate().
  void begin_batch();
  // Of the active loader, after the batch at hand; none without one.
  std::optional<int64_t> batches_left() const;
  // Before the first backward pass outside of accumulate() after a loop that was left in the middle
  // of a window; nothing otherwise.
  void end_left_window();

 private:
  class Step;

  // What a step begins with.
  void prepare_step(OptimizerState& optimizer);
  // What it ends with: the run's flight record says how far it is.
  void note_step(OptimizerState& optimizer);
  void check_synced(OptimizerState& optimizer) const;

  Communicator& communicator_;
  c10::Device device_;
  ModelSet& models_;
  OptimizerSteps& optimizers_;
  AccumulationWindow& window_;
  const UnevenInputs& uneven_inputs_;
  ActiveLoaders& loaders_;

  // zero_grad() outside of accumulate() while its window is open: done if a backward pass follows
  // there, and not if the window goes on.
  struct LeftZeroGrad {
    std::weak_ptr<OptimizerState> optimizer;
    bool set_to_none;
  };
  std::vector<LeftZeroGrad> left_zero_grads_;
  bool warned_of_left_window_ = false;

  // Of the loaders' samples, those up to the last step.
  int64_t samples_of_steps_ = 0;
};

}  // namespace accelerate
