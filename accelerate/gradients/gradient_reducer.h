// Averages a model's gradients over the ranks, bucket by bucket, while the backward pass goes on.
//
//   GradientReducer reducer(communicator, flat.parameters(), {.bucket_cap_mb = 25});
//   reducer.begin(/*eager=*/true);
//   loss.backward();     // each bucket that is full sets off, in the same order on every rank
//   reducer.finish();    // `.grad` is the mean over the ranks
//
// Gradients add up locally in backward passes without begin(); the next finish() averages the sum.
// A parameter without a gradient on every rank is left without one. Where some ranks have one and
// others don't, finish() throws c10::Error with the parameter's name on every rank: such a step
// would silently train different models. On GPUs, where that would have to wait for the device, the
// next begin() throws it. With `find_unused_parameters` it is the mean, with zeros for the others.
//
// Afterwards `.grad` lies in the bucket's memory. A program may keep such a tensor: the next
// averaging then takes new memory. A sparse gradient, of which only the rows that are there travel
// when backward has ended, stays one; on GPUs it is refused. Not for one process, which has nothing
// to average. For one thread, besides autograd's own.
//
// The scheme is that of PyTorch's DistributedDataParallel (Li et al., VLDB 2020).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/gradients/gradient_options.h"
#include "accelerate/gradients/gradient_sync.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate {

class GradientReducer final : public GradientSync {
 public:
  // Parameters in about the order in which backward finishes their gradients, the same on all
  // ranks; all of them trainable leaves. The communicator outlives the reducer. Throws c10::Error
  // when an option makes no sense, or for a type of which nothing can be averaged.
  GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                  const GradientOptions& options, const GradientNotes& notes = {});
  // The parameters' hooks do nothing from then on.
  ~GradientReducer() override;

  void begin(bool eager) override;
  void begin_local() override {}
  void finish() override;
  void shadow() override;
  void abandon() override;
  bool is_under_way() const override;

  StepRight may_step(const at::Tensor& parameter, int64_t stepped_at) const override;
  int64_t rounds() const override;
  bool is_synced(const at::Tensor& parameter) const override;
  at::Tensor whole_gradient(const at::Tensor& parameter) override { return parameter.grad(); }

  bool empty() const override;
  bool has_local_gradients() const override;
  void forget_local_gradients() override;

  void restore_hooks() override;
  // Makes sure that the ranks agree which parameters have a gradient. While a device takes note of
  // a step they do not compare it.
  void settle() override;
  std::vector<at::Tensor> travel_memory() const override;
  GradientNotes notes() override;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate
