// The norm of gradients of which each rank has parts, and whether all are finite. One small
// all-reduce makes both the same on all ranks.
//
//   ShardedFacts facts(communicator);
//   facts.measure(gradients_of(optimizer));   // on all ranks
//
// If there are parts, whole gradients among them are the same on all ranks and count once. If there
// are only whole ones, as in a backward pass within no_sync(), the norm is this rank's, and nothing
// is communicated. The squares are added up in another order than in GradientNorm, so the result is
// the same only within the rounding of fp64 sums. Not thread-safe.
#pragma once

#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/device/device_value.h"
#include "accelerate/gradients/gradient_facts.h"
#include "accelerate/gradients/gradient_norm.h"

namespace accelerate {

class ShardedFacts final : public GradientFacts {
 public:
  // The communicator must outlive this object.
  explicit ShardedFacts(Communicator& communicator) : communicator_(communicator) {}

  // Every rank has a part of every gradient, perhaps with no elements.
  bool are_none(const std::vector<at::Tensor>& gradients) const override {
    return gradients.empty();
  }
  // Needs at least one gradient. This and norm_of() and any_rank() are collective.
  void measure(const std::vector<at::Tensor>& gradients) override;
  const kernels::NormResult* result() const override { return last_->get(); }
  at::Tensor norm() const override;
  at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const override;
  bool any_rank(const std::vector<at::Tensor>& gradients, bool here) const override;

 private:
  // The gradients that this rank counts, without empty ones.
  std::vector<at::Tensor> counted(const std::vector<at::Tensor>& gradients) const;

  Communicator& communicator_;
  GradientNorm own_;
  PerDevice<kernels::NormResult> results_;
  const DeviceValue<kernels::NormResult>* last_ = nullptr;
};

}  // namespace accelerate
