#include "accelerate/precision/loss_scale.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "accelerate/device/gpu_kernels.h"

namespace accelerate {
namespace {

const LossScaleOptions& checked(const LossScaleOptions& options) {
  const auto scale = static_cast<float>(options.init_scale);
  TORCH_CHECK(scale > 0 && std::isfinite(scale), "loss scale: init_scale is ", options.init_scale,
              "; give a positive number that a float can hold, typically 65536");
  TORCH_CHECK(options.growth_factor > 1, "loss scale: growth_factor is ", options.growth_factor,
              "; give a number above 1, typically 2");
  TORCH_CHECK(options.backoff_factor > 0 && options.backoff_factor < 1,
              "loss scale: backoff_factor is ", options.backoff_factor,
              "; give a number between 0 and 1, typically 0.5");
  TORCH_CHECK(options.growth_interval >= 1, "loss scale: growth_interval is ",
              options.growth_interval, "; give a number of steps, typically 2000");
  return options;
}

kernels::LossScale state_of(double value, int64_t growth_tracker) {
  kernels::LossScale state = kernels::initial_loss_scale(static_cast<float>(value));
  state.growth_tracker = growth_tracker;
  return state;
}

}  // namespace

LossScale::LossScale(const LossScaleOptions& options, c10::Device device)
    : options_{.growth_factor = checked(options).growth_factor,
               .backoff_factor = options.backoff_factor,
               .growth_interval = options.growth_interval},
      state_(device, state_of(options.init_scale, 0)),
      scale_(state_.member(offsetof(kernels::LossScale, scale), at::kFloat)),
      inverse_(state_.member(offsetof(kernels::LossScale, inverse), at::kFloat)),
      overflow_(state_.member(offsetof(kernels::LossScale, overflow), at::kInt)) {}

void LossScale::settle() {
  if (!outcome_noted_) return;
  if (state_.device().is_cpu()) {
    kernels::update_loss_scale(options_, *state_.get());
  } else {
    gpu::update_loss_scale(state_.device(), options_, state_.get());
  }
  outcome_noted_ = false;
}

at::Tensor LossScale::apply(const at::Tensor& loss) const {
  const bool narrow = at::isReducedFloatingType(loss.scalar_type());
  return (narrow ? loss.to(at::kFloat) : loss).mul(scale_);
}

void LossScale::check_device(c10::Device device) const {
  TORCH_CHECK(device.type() == state_.device().type(), "an optimizer has parameters on ", device,
              ", and the fp16 loss scale is on ", state_.device(),
              "; make such parameters on the device of the training, or train in bf16");
}

bool LossScale::unscale(at::TensorList gradients) {
  c10::AutoGradMode no_grad(false);
  // The operator takes tensors of one type at a time.
  std::map<c10::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    check_device(gradient.device());
    at::Tensor values = gradient.is_sparse() ? gradient._values() : gradient;
    // Of conjugates the numbers below, whose signs do not matter here.
    if (values.is_complex()) values = at::view_as_real(values.is_conj() ? values.conj() : values);
    by_type[values.scalar_type()].push_back(std::move(values));
  }
  at::Tensor found = at::zeros({}, inverse_.options());
  for (auto& [type, tensors] : by_type) {
    at::_amp_foreach_non_finite_check_and_unscale_(tensors, found, inverse_);
  }
  const bool overflow = found.item<float>() != 0;
  if (overflow) note_overflow();
  expect_outcome();
  return overflow;
}

void LossScale::note_overflow() {
  c10::AutoGradMode no_grad(false);
  overflow_.fill_(1);
}

void LossScale::load(double value, int64_t growth_tracker) {
  state_.write(state_of(value, growth_tracker));
  outcome_noted_ = false;
}

State LossScale::save() {
  State state;
  state.set("scale", value());
  state.set("growth_tracker", growth_tracker());
  return state;
}

void LossScale::check(const State& state) {
  const auto scale = static_cast<float>(state.number("scale"));
  TORCH_CHECK(
      std::isfinite(scale) && scale > 0, "`scale` of the loss scale's state is ",
      state.number("scale"),
      "; one is positive and finite, and 0 is where it ends if every step overflows: take an "
      "earlier state");
  state.count("growth_tracker");
}

void LossScale::load(const State& state) {
  check(state);
  load(state.number("scale"), state.count("growth_tracker"));
}

std::function<void()> LossScale::remember() {
  return [this, noted = outcome_noted_] { outcome_noted_ = noted; };
}

double LossScale::value() const { return updated().scale; }
int64_t LossScale::growth_tracker() const { return updated().growth_tracker; }

kernels::LossScale LossScale::updated() const {
  kernels::LossScale state = state_.read();
  if (outcome_noted_) kernels::update_loss_scale(options_, state);
  return state;
}

}  // namespace accelerate
