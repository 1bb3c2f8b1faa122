// A backward pass over all models in training: from the loss to gradients that are the same on
// every rank.
//
// Part of the Session; programs use Accelerator::backward(). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "accelerate/engine/accelerator_options.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/uneven_inputs.h"
#include "accelerate/engine/updates.h"
#include "accelerate/precision/loss_scale.h"
#include "accelerate/precision/precision.h"
#include "accelerate/watch/watch.h"

namespace accelerate {

class BackwardPass {
 public:
  // All of these must outlive this object; `loss_scale` may be null.
  BackwardPass(const PrecisionTraits& precision, LossScale* loss_scale, ModelSet& models,
               OptimizerSteps& optimizers, AccumulationWindow& window, UnevenInputs& uneven_inputs,
               Updates& updates, Watch& watch)
      : precision_(precision),
        loss_scale_(loss_scale),
        models_(models),
        optimizers_(optimizers),
        window_(window),
        uneven_inputs_(uneven_inputs),
        updates_(updates),
        watch_(watch) {}

  // Runs the backward pass of the (scaled) loss. Afterwards the gradients of all prepared models
  // that sync are the mean over the ranks, and their buffers are those of rank 0.
  void run(const at::Tensor& loss, const BackwardOptions& options);
  // Whether the watch looks at the present step operator by operator, so that the step cannot be
  // replayed.
  bool is_watched() const { return watch_.is_on() && watch_.looks_at(num_steps()); }
  // The program has opened autocast scopes itself, and nothing here knows what it computes in them.
  void note_program_autocast() { program_autocasts_ = true; }

 private:
  // What run() does before and after autograd runs.
  void begin();
  void end(bool keeps_graph);
  bool any_syncs() const;
  // The number of steps of the optimizer that has stepped most often.
  int64_t num_steps() const;
  // What the watch learns about the pass that has just ended; none if the pass does not complete a
  // step's gradients.
  std::optional<StepGradients> gradients_of_step() const;
  // Parameters of prepared optimizers that belong to no prepared model, each once.
  std::vector<NamedParameter> parameters_of_no_model(const ModelSet::ParameterNames& names) const;
  void look_at_new_models();

  PrecisionTraits precision_;
  LossScale* loss_scale_;
  ModelSet& models_;
  OptimizerSteps& optimizers_;
  AccumulationWindow& window_;
  UnevenInputs& uneven_inputs_;
  Updates& updates_;
  Watch& watch_;
  bool program_autocasts_ = false;
  // For each model, in the order of preparation: whether the current pass completes its gradients
  // for a step, and whether the pass syncs them. The second is empty on one process, which has
  // nothing to sync.
  std::vector<bool> completing_;
  std::vector<bool> syncing_;
};

}  // namespace accelerate
