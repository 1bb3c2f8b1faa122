// Gives each rank its part of the mean of a model's gradients, unit by unit, while the backward
// pass goes on: the gradients of ZeRO-1 and ZeRO-2 (Rajbhandari et al., SC 2020).
//
//   ShardedReducer reducer(communicator, store, {});
//   reducer.begin(/*eager=*/true);
//   loss.backward();     // each unit that is complete sets off, and its gradients are let go of
//   reducer.finish();   // `.grad` says that there is one; own_part() of it is this rank's part
//
// A part has the bits that a GradientReducer's mean has there. Backward passes with begin() before
// a step add up in the parts, so that no rank ever holds all gradients of an earlier pass; passes
// without it add up locally, whole, and come before those with it. What is said there of presence
// and of overlap holds here, too. Sparse gradients are refused. Of parameters that are in no unit
// the gradients are averaged whole. For one thread, besides autograd's own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/gradients/gradient_options.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/gradients/gradient_sync.h"
#include "accelerate/sharding/sharded_parameters.h"

namespace accelerate {

class ShardedReducer final : public GradientSync {
 public:
  // Both references outlive this. Throws c10::Error when an option makes no sense, or for a type of
  // which nothing can be averaged.
  ShardedReducer(Communicator& communicator, const ShardedParameters& store,
                 const GradientOptions& options, const GradientNotes& notes = {});
  // The parameters' hooks do nothing from then on.
  ~ShardedReducer() override;

  void begin(bool eager) override;
  void begin_local() override;
  void finish() override;
  // Throws c10::Error: a rank without data has a part to step all the same.
  void shadow() override;
  void abandon() override;
  bool is_under_way() const override;

  StepRight may_step(const at::Tensor& parameter, int64_t stepped_at) const override;
  int64_t rounds() const override;
  bool is_synced(const at::Tensor& parameter) const override;
  at::Tensor whole_gradient(const at::Tensor& parameter) override;

  bool empty() const override;
  bool has_local_gradients() const override;
  void forget_local_gradients() override;

  void restore_hooks() override;
  void settle() override;
  std::vector<at::Tensor> travel_memory() const override;
  // Gradients of which this rank has parts are gathered. Collective.
  GradientNotes notes() override;

 private:
  class State;
  std::shared_ptr<State> state_;
  // Of parameters in no unit.
  std::optional<GradientReducer> whole_;
};

}  // namespace accelerate
