// What a strategy of several processes does with a model's gradients between a backward pass and
// the step. The engine knows no more of it than this.
//
//   sync->begin(/*eager=*/true);
//   loss.backward();
//   sync->finish();      // `.grad` is what the optimizer of this rank steps with
//
// One process has none. GradientReducer averages them; another strategy is another class like that.
// For one thread, besides autograd's own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accelerate/layout/parameter_store.h"

namespace accelerate {

// What is known about the gradients that are there, for a GradientSync that takes another's place.
struct GradientNotes {
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  // By parameter: those whose gradient is of this rank alone, and the means of the others.
  std::unordered_set<const c10::TensorImpl*> local;
  std::unordered_map<const c10::TensorImpl*, WeakTensor> means;
  int64_t rounds = 0;
};

// Whether an optimizer may step with the gradient of a parameter.
enum class StepRight {
  kNotMine,  // The parameter is of no model that this one is for.
  kMay,
  kNotSynced,  // The gradient is of this rank alone.
};

class GradientSync {
 public:
  virtual ~GradientSync() = default;

  // A backward pass begins whose gradients are to be synced. Not `eager`: everything waits for
  // finish().
  virtual void begin(bool eager) = 0;
  // A backward pass begins whose gradients add up on this rank alone. Throws c10::Error where those
  // that are there cannot be added to so.
  virtual void begin_local() = 0;
  // Syncs what is left and waits for all of it. Collective.
  virtual void finish() = 0;
  // Takes part in one round of the other ranks, without a gradient of its own. Collective.
  virtual void shadow() = 0;
  // After an exception in the backward pass: nothing is synced.
  virtual void abandon() = 0;
  // Whether a round has begun in which other threads may be at work.
  virtual bool is_under_way() const = 0;

  // Whether an optimizer may step that has last done so after as many rounds() as `stepped_at`.
  virtual StepRight may_step(const at::Tensor& parameter, int64_t stepped_at) const = 0;
  // A number for the last round; 0 before the first.
  virtual int64_t rounds() const = 0;
  // Whether the gradient of the parameter is the very tensor that the last round left.
  virtual bool is_synced(const at::Tensor& parameter) const = 0;
  // All of a parameter's gradient, undefined where it has none; in new memory where this rank has a
  // part of it. Collective.
  virtual at::Tensor whole_gradient(const at::Tensor& parameter) = 0;

  // Whether it is for no parameters.
  virtual bool empty() const = 0;
  // Whether gradients have been added up that are not synced yet; and leaves the parameters of
  // those without a gradient.
  virtual bool has_local_gradients() const = 0;
  virtual void forget_local_gradients() = 0;

  // Sets its hooks on the parameters again where the program has replaced them. begin() does so,
  // too; for a backward pass without it.
  virtual void restore_hooks() = 0;
  // Reads on the host what is still to be read there, before a device takes note of a step. Throws
  // c10::Error where the ranks have found that they disagree. Collective.
  virtual void settle() = 0;
  // The memory in which gradients travel, and in which they may lie afterwards.
  virtual std::vector<at::Tensor> travel_memory() const = 0;
  // For the one that is made in this one's place. Collective where a GPU still has to tell whether
  // the ranks agreed.
  virtual GradientNotes notes() = 0;
};

// Makes one for the trainable leaves of a store of the same strategy, which outlives it: in about
// the order in which backward finishes their gradients, the same on all ranks.
using MakeGradientSync =
    std::function<std::unique_ptr<GradientSync>(ParameterStore& store, const GradientNotes& notes)>;

}  // namespace accelerate
