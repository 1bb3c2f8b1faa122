// What a strategy of several processes does with a model's gradients between a backward pass and
// the step. The engine knows no more of it than this.
//
//   sync->begin(/*eager=*/true);
//   loss.backward();
//   sync->finish();      // `.grad` is what the optimizer of this rank steps with
//
// One process has no GradientSync. GradientReducer averages gradients; another strategy implements
// another class. For use from one thread; autograd's threads may run beside it.
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

// What is known about the present gradients, for a GradientSync that replaces another one.
struct GradientNotes {
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  // By parameter: those whose gradient is this rank's alone, and the means that other parameters
  // have.
  std::unordered_set<const c10::TensorImpl*> local;
  std::unordered_map<const c10::TensorImpl*, WeakTensor> means;
  int64_t rounds = 0;
};

// Whether an optimizer may step with the gradient of a parameter.
enum class StepRight {
  kNotMine,  // This GradientSync does not handle the parameter.
  kMay,
  kNotSynced,  // The gradient is this rank's alone.
};

class GradientSync {
 public:
  virtual ~GradientSync() = default;

  // Called when a backward pass begins whose gradients are to be synced. If not `eager`, everything
  // waits for finish().
  virtual void begin(bool eager) = 0;
  // Syncs what is left and waits for all of it. Collective.
  virtual void finish() = 0;
  // Takes part in one round of the other ranks without contributing gradients. Collective.
  virtual void shadow() = 0;
  // Called after an exception in the backward pass: nothing is synced.
  virtual void abandon() = 0;
  // Whether a round has begun, in which other threads may be working.
  virtual bool is_under_way() const = 0;

  // Whether an optimizer may step with the parameter's gradient; `stepped_at` is the value of
  // rounds() at its last step.
  virtual StepRight may_step(const at::Tensor& parameter, int64_t stepped_at) const = 0;
  // A number that identifies the last round; 0 before the first.
  virtual int64_t rounds() const = 0;
  // Whether the gradient of the parameter is the very tensor that the last round left.
  virtual bool is_synced(const at::Tensor& parameter) const = 0;
  // The whole gradient of a parameter, undefined if it has none; in new memory if this rank has
  // only a part of it. Collective.
  virtual at::Tensor whole_gradient(const at::Tensor& parameter) = 0;

  // Whether it handles no parameters.
  virtual bool empty() const = 0;
  // has_local_gradients(): whether gradients have been added up that are not synced yet.
  // forget_local_gradients() removes these gradients.
  virtual bool has_local_gradients() const = 0;
  virtual void forget_local_gradients() = 0;

  // Sets its hooks on the parameters again if the program has replaced them. begin() does so too;
  // this is for a backward pass without begin().
  virtual void restore_hooks() = 0;
  // Lets the host read results that are still on the device, before a device records a step. Throws
  // c10::Error if the ranks have found that they disagree. Collective.
  virtual void settle() = 0;
  // The memory in which gradients travel, and in which they may be stored afterwards.
  virtual std::vector<at::Tensor> travel_memory() const = 0;
  // Notes for the GradientSync that replaces this one. Collective if a GPU still has to report
  // whether the ranks agreed.
  virtual GradientNotes notes() = 0;
};

// Makes a GradientSync for the trainable leaves of a store of the same strategy, which must outlive
// it. The leaves are in about the order in which backward finishes their gradients, the same on all
// ranks.
using MakeGradientSync =
    std::function<std::unique_ptr<GradientSync>(ParameterStore& store, const GradientNotes& notes)>;

}  // namespace accelerate
