// Checks in one read whether a step's gradients are finite, and computes their norm. The result
// stays on the device of the gradients, for the kernel that begins the step.
//
//   GradientNorm norm;
//   norm.measure(gradients);
//   begin_step({.norm = norm.result(), .max_norm = 1}, step);
//
// It keeps its memory for its lifetime, because recorded steps continue to use it. The result has
// the same bits in every run, whatever the number of threads. For dense tensors on one device. Not
// thread-safe; on a GPU, for one stream at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/device/device_value.h"
#include "accelerate/gradients/gradient_facts.h"
#include "kernels/norm/norm_piece.h"

namespace accelerate {

class GradientNorm final : public GradientFacts {
 public:
  // Whether measure() takes these gradients. They must all be on one device; an empty list is fine.
  static bool takes(const std::vector<at::Tensor>& gradients);

  bool are_none(const std::vector<at::Tensor>& gradients) const override {
    return gradients.empty();
  }
  // Needs at least one gradient.
  void measure(const std::vector<at::Tensor>& gradients) override;

  const kernels::NormResult* result() const override { return last_->get(); }
  const DeviceValue<kernels::NormResult>& value() const { return *last_; }
  at::Tensor norm() const override;
  at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const override;
  bool any_rank(const std::vector<at::Tensor>& /*gradients*/, bool here) const override {
    return here;
  }

 private:
  PerDevice<kernels::NormResult> results_;
  DeviceValue<kernels::NormResult>* last_ = nullptr;
  // Scratch memory for a GPU's kernel. The last is in use; recorded steps may still write to those
  // before it.
  std::vector<at::Tensor> scratches_;
};

}  // namespace accelerate
