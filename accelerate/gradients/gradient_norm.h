// Finite check and norm of a step's gradients in one read. The result stays where the gradients
// are, for the kernel that begins the step.
//
//   GradientNorm norm;
//   norm.measure(gradients);
//   begin_step({.norm = norm.result(), .max_norm = 1}, step);
//
// Memory that it has used is kept for its lifetime, because recorded steps go on using it. The same
// bits on every run, whatever the number of threads. For dense tensors on one device. Not
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
  // Whether measure() takes these, which are none or all on the same device.
  static bool takes(const std::vector<at::Tensor>& gradients);

  bool are_none(const std::vector<at::Tensor>& gradients) const override {
    return gradients.empty();
  }
  // At least one.
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
  // Of a GPU's kernel; the last is in use. Those before it may still be written by recorded steps.
  std::vector<at::Tensor> scratches_;
};

}  // namespace accelerate
