// The norm of gradients of which each rank has parts, and whether all are finite: the same on all
// ranks, by one small all-reduce.
//
//   ShardedFacts facts(communicator);
//   facts.measure(gradients_of(optimizer));   // on all ranks
//
// Whole gradients beside parts are those of all ranks, and count once; where there are only whole
// ones, as in a backward pass within no_sync(), the norm is this rank's, and nothing travels. The
// sum of squares is added up in another order than a GradientNorm's, so that it is the same within
// the rounding of fp64 sums. Not thread-safe.
#pragma once

#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/device/device_value.h"
#include "accelerate/gradients/gradient_facts.h"
#include "accelerate/gradients/gradient_norm.h"

namespace accelerate {

class ShardedFacts final : public GradientFacts {
 public:
  // The communicator outlives this.
  explicit ShardedFacts(Communicator& communicator) : communicator_(communicator) {}

  // A rank has a part of every gradient that there is, perhaps of no elements.
  bool are_none(const std::vector<at::Tensor>& gradients) const override {
    return gradients.empty();
  }
  // At least one. Collective, as are the others that follow.
  void measure(const std::vector<at::Tensor>& gradients) override;
  const kernels::NormResult* result() const override { return last_->get(); }
  at::Tensor norm() const override;
  at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const override;
  bool any_rank(const std::vector<at::Tensor>& gradients, bool here) const override;

 private:
  // Those that this rank counts, without empty ones.
  std::vector<at::Tensor> counted(const std::vector<at::Tensor>& gradients) const;

  Communicator& communicator_;
  GradientNorm own_;
  PerDevice<kernels::NormResult> results_;
  const DeviceValue<kernels::NormResult>* last_ = nullptr;
};

}  // namespace accelerate
