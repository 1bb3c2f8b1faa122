// The dynamic loss scale of half precision: the loss is multiplied by a large number so that small
// gradients do not vanish, and the gradients are divided by it before the optimizer sees them. A
// step whose gradients are not finite is skipped and lowers the scale; a long run of good steps
// raises it. The arithmetic is that of torch.amp.GradScaler.
//
//   LossScale scale({}, at::kCPU);
//   scale.apply(loss).backward();
//   const bool overflow = scale.unscale(gradients);
//   if (!overflow) optimizer.step();
//
// Not for bfloat16, whose range is that of fp32. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace accelerate {

struct LossScaleOptions {
  double init_scale = 65536;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  // How many steps in a row without an overflow raise the scale.
  int64_t growth_interval = 2000;
};

class LossScale {
 public:
  // Throws c10::Error when an option makes no sense (a growth factor of 1 or less, a backoff factor
  // outside (0, 1), an interval below 1, a scale that is not positive).
  LossScale(const LossScaleOptions& options, c10::Device device);

  // The loss times the scale, in fp32. Outcomes that were noted take effect on the scale here, so
  // that all gradients between two calls are of one scale, however many optimizers step; not yet
  // with `keep`, while gradients of the present scale wait for their step.
  at::Tensor apply(const at::Tensor& loss, bool keep = false);

  // Divides the gradients in place and returns whether one of them is not finite; notes this as the
  // outcome of the step. Undefined tensors are passed over, and of sparse ones the values are
  // meant. Reads the answer on the host.
  bool unscale(at::TensorList gradients);

  // What gradients of the last apply() are to be multiplied by, for a caller who unscales them
  // itself and notes the outcome.
  double inverse() const;
  void note(bool overflow);

  // The scale that the next apply() uses, and the steps without an overflow since it last changed.
  double value() const;
  int64_t growth_tracker() const;
  // Goes on from the values of another one.
  void load(double value, int64_t growth_tracker);

 private:
  // Scale and growth tracker once the noted outcome has taken effect.
  std::pair<at::Tensor, at::Tensor> updated() const;

  LossScaleOptions options_;
  // State on the device, as LibTorch's operators want it.
  at::Tensor scale_;
  at::Tensor growth_tracker_;
  at::Tensor overflow_;
  bool outcome_noted_ = false;
};

}  // namespace accelerate
