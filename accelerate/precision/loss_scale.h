// The dynamic loss scale of half precision: the loss is multiplied by a large number so that small
// gradients do not vanish, and the gradients are divided by it before the optimizer sees them. A
// step whose gradients are not finite is skipped and lowers the scale; a long run of good steps
// raises it. The arithmetic is that of torch.amp.GradScaler.
//
//   LossScale scale({}, at::kCPU);
//   scale.settle();
//   scale.apply(loss).backward();
//   const bool overflow = scale.unscale(gradients);
//   if (!overflow) optimizer.step();
//
// Not for bfloat16, whose range is that of fp32. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "accelerate/device/device_value.h"
#include "accelerate/state/stateful.h"
#include "kernels/loss_scale/loss_scale.h"

namespace accelerate {

struct LossScaleOptions {
  double init_scale = 65536;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  // How many steps in a row without an overflow raise the scale.
  int64_t growth_interval = 2000;
};

class LossScale final : public Stateful {
 public:
  // Throws c10::Error if an option is out of range: a growth factor of 1 or less, a backoff factor
  // outside (0, 1), an interval below 1, a scale that is not positive.
  LossScale(const LossScaleOptions& options, c10::Device device);

  // Applies the noted outcomes to the scale. Call it before apply(), so that all gradients between
  // two calls have one scale, however many optimizers step; do not call it while gradients of the
  // present scale wait for their step. Does not wait for the device.
  void settle();
  // The loss times the scale, in fp32.
  at::Tensor apply(const at::Tensor& loss) const;

  // Throws c10::Error if gradients are on another kind of device than the scale.
  void check_device(c10::Device device) const;
  // Divides the gradients in place, returns whether one of them is not finite, and notes this as
  // the outcome of the step. Skips undefined tensors; of sparse ones it divides the values. Reads
  // the answer on the host.
  bool unscale(at::TensorList gradients);
  // Notes an overflow that other ranks have found in their parts of the gradients.
  void note_overflow();

  // For kernels that unscale gradients themselves and note an overflow in the state: state() is its
  // address on the device; call expect_outcome() after them.
  kernels::LossScale* state() const { return state_.get(); }
  void expect_outcome(bool noted = true) { outcome_noted_ = noted; }
  bool expects_outcome() const { return outcome_noted_; }

  // The scale of the gradients of the last apply(), and its reciprocal: 0-dim, fp32, on the device.
  const at::Tensor& scale() const { return scale_; }
  const at::Tensor& inverse() const { return inverse_; }

  // The scale after the next settle(), and the number of steps without an overflow since it last
  // changed. Both wait for the device.
  double value() const;
  int64_t growth_tracker() const;
  // Takes over the values of another loss scale.
  void load(double value, int64_t growth_tracker);

  std::string_view state_name() const override { return "loss_scale"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;
  std::function<void()> remember() override;

 private:
  // The state on the host, after the noted outcome has been applied.
  kernels::LossScale updated() const;

  kernels::LossScaleOptions options_;
  DeviceValue<kernels::LossScale> state_;
  // Views of the state.
  at::Tensor scale_;
  at::Tensor inverse_;
  at::Tensor overflow_;
  bool outcome_noted_ = false;
};

}  // namespace accelerate
