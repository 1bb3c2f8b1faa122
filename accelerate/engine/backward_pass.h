// A backward pass over all that takes part in training: from the loss to gradients that every rank
// has alike.
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
  // All of it outlives this; `loss_scale` may be null.
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

  // Backward of the (scaled) loss, after which the gradients of all prepared models that sync are
  // the mean over the ranks, and their buffers those of rank 0.
  void run(const at::Tensor& loss, const BackwardOptions& options);
  // Whether somebody looks at the step at hand, operator by operator, so that it is not replayed.
  bool is_watched() const { return watch_.is_on() && watch_.looks_at(num_steps()); }
  // The program computes in scopes of its own, of which nothing here knows.
  void note_program_autocast() { program_autocasts_ = true; }

 private:
  // What run() does before and after autograd's part.
  void begin();
  void end(bool keeps_graph);
  bool any_syncs() const;
  // Of the optimizer that has stepped most often.
  int64_t num_steps() const;
  // What the watch is told of the pass that is at its end; none where it is of no step yet.
  std::optional<StepGradients> gradients_of_step() const;
  // Those of prepared optimizers that are in no prepared model, each once.
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
  // Of the models, in the order of their preparation: whether the pass that is under way leaves
  // gradients of a whole step; and whether it syncs them, empty on one process, which has nothing
  // to sync.
  std::vector<bool> completing_;
  std::vector<bool> syncing_;
};

}  // namespace accelerate
