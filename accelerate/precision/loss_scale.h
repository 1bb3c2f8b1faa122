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
  // Throws c10::Error when an option makes no sense (a growth factor of 1 or less, a backoff factor
  // outside (0, 1), an interval below 1, a scale that is not positive).
  LossScale(const LossScaleOptions& options, c10::Device device);

  // Outcomes that were noted take effect on the scale. Called before apply(), so that all gradients
  // between two calls are of one scale, however many optimizers step; not while gradients of the
  // present scale wait for their step. Does not wait for the device.
  void settle();
  // The loss times the scale, in fp32.
  at::Tensor apply(const at::Tensor& loss) const;

  // Divides the gradients in place and returns whether one of them is not finite; notes this as the
  // outcome of the step. Undefined tensors are passed over, and of sparse ones the values are
  // meant. Reads the answer on the host.
  bool unscale(at::TensorList gradients);
  // The same outcome, of gradients of which other ranks have parts.
  void note_overflow();

  // For kernels that unscale gradients themselves and note an overflow in the state: its address on
  // the device, and the call that says that they have.
  kernels::LossScale* state() const { return state_.get(); }
  void expect_outcome(bool noted = true) { outcome_noted_ = noted; }
  bool expects_outcome() const { return outcome_noted_; }

  // The scale of gradients of the last apply(), and one over it: 0-dim, fp32, on the device.
  const at::Tensor& scale() const { return scale_; }
  const at::Tensor& inverse() const { return inverse_; }

  // The scale after the next settle(), and the steps without an overflow since it last changed.
  // Both wait for the device.
  double value() const;
  int64_t growth_tracker() const;
  // Goes on from the values of another one.
  void load(double value, int64_t growth_tracker);

  std::string_view state_name() const override { return "loss_scale"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;
  std::function<void()> remember() override;

 private:
  // On the host, once the noted outcome has taken effect.
  kernels::LossScale updated() const;

  kernels::LossScaleOptions options_;
  DeviceValue<kernels::LossScale> state_;
  // Over the state.
  at::Tensor scale_;
  at::Tensor inverse_;
  at::Tensor overflow_;
  bool outcome_noted_ = false;
};

}  // namespace accelerate
