// Gives each rank its part of the mean of a model's gradients, unit by unit, while the backward
// pass runs: the gradients of ZeRO-1 and ZeRO-2 (Rajbhandari et al., SC 2020).
//
//   ShardedReducer reducer(communicator, store, {});
//   reducer.begin(/*eager=*/true);
//   loss.backward();     // each unit that is complete sets off, and its gradients are let go of
//   reducer.finish();   // `.grad` says that there is one; own_part() of it is this rank's part
//
// A part has the same bits as a GradientReducer's mean. Backward passes with begin() before a step
// add up in the parts, so that no rank ever holds all gradients of an earlier pass; passes without
// begin() add up locally, whole, and must come before those with it. Presence and overlap work as
// in GradientReducer. A sparse gradient is an error. The gradients of parameters that are in no
// unit are averaged whole. For use from one thread; autograd's threads may run beside it.
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
  // Both references must outlive this object. Throws c10::Error if an option is out of range, or if
  // gradients of a type cannot be averaged.
  ShardedReducer(Communicator& communicator, const ShardedParameters& store,
                 const GradientOptions& options, const GradientNotes& notes = {});
  // Afterwards the parameters' hooks do nothing.
  ~ShardedReducer() override;

  void begin(bool eager) override;
  void finish() override;
  // Throws c10::Error, because a rank without data must still step its part.
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
  // Gathers the gradients of which this rank has parts. Collective.
  GradientNotes notes() override;

 private:
  class State;
  std::shared_ptr<State> state_;
  // For parameters that are in no unit.
  std::optional<GradientReducer> whole_;
};

}  // namespace accelerate
