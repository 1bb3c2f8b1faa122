// Averages a model's gradients over the ranks, bucket by bucket, while the backward pass runs.
//
//   GradientReducer reducer(communicator, flat.parameters(), {.bucket_cap_mb = 25});
//   reducer.begin(/*eager=*/true);
//   loss.backward();     // each bucket that is full sets off, in the same order on every rank
//   reducer.finish();    // `.grad` is the mean over the ranks
//
// Gradients accumulate locally in backward passes without begin(); the next finish() averages the
// sum. A parameter that has no gradient on any rank gets none. If only some ranks have one,
// finish() throws c10::Error with the parameter's name on every rank, because such a step would
// silently train different models. On GPUs, where finish() would have to wait for the device, the
// next begin() throws instead. With `find_unused_parameters` the mean is computed with zeros for
// the ranks without a gradient.
//
// Afterwards `.grad` is in the bucket's memory. A program may keep such a tensor: the next
// averaging then allocates new memory. If a program holds what was `.grad` when the pass began,
// such as a view of its own buffer for all gradients, the mean is copied there and it remains
// `.grad`, provided that it is dense and has no graph. A sparse gradient remains sparse: only its
// rows are sent, after the backward pass; on GPUs it is an error. Not for one process, which has
// nothing to average. For use from one thread; autograd's threads may run beside it.
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
  // The parameters are trainable leaves, in about the order in which backward finishes their
  // gradients; the order must be the same on all ranks. The communicator must outlive the reducer.
  // Throws c10::Error if an option is out of range, or if gradients of a type cannot be averaged.
  GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                  const GradientOptions& options, const GradientNotes& notes = {});
  // Afterwards the parameters' hooks do nothing.
  ~GradientReducer() override;

  void begin(bool eager) override;
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
  // Makes sure that the ranks agree on which parameters have a gradient. While a device records a
  // step, they do not compare it.
  void settle() override;
  std::vector<at::Tensor> travel_memory() const override;
  GradientNotes notes() override;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate
