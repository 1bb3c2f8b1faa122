#include "accelerate/precision/loss_scale.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <map>
#include <tuple>
#include <vector>

namespace accelerate {

namespace {

// In double, so that the one rounding is that to fp32.
at::Tensor inverse_of(const at::Tensor& scale) {
  return scale.to(at::kDouble).reciprocal().to(at::kFloat);
}

}  // namespace

LossScale::LossScale(const LossScaleOptions& options, c10::Device device)
    : options_(options),
      scale_(at::full({}, options.init_scale, at::TensorOptions(device).dtype(at::kFloat))),
      growth_tracker_(at::zeros({}, at::TensorOptions(device).dtype(at::kInt))),
      overflow_(at::zeros({}, at::TensorOptions(device).dtype(at::kFloat))) {
  TORCH_CHECK(options.init_scale > 0, "loss scale: init_scale is ", options.init_scale,
              "; give a positive number, as a rule 65536");
  TORCH_CHECK(options.growth_factor > 1, "loss scale: growth_factor is ", options.growth_factor,
              "; give a number above 1, as a rule 2");
  TORCH_CHECK(options.backoff_factor > 0 && options.backoff_factor < 1,
              "loss scale: backoff_factor is ", options.backoff_factor,
              "; give a number between 0 and 1, as a rule 0.5");
  TORCH_CHECK(options.growth_interval >= 1, "loss scale: growth_interval is ",
              options.growth_interval, "; give a number of steps, as a rule 2000");
}

at::Tensor LossScale::apply(const at::Tensor& loss, bool keep) {
  if (outcome_noted_ && !keep) {
    std::tie(scale_, growth_tracker_) = updated();
    overflow_.zero_();
    outcome_noted_ = false;
  }
  const bool narrow = at::isReducedFloatingType(loss.scalar_type());
  return (narrow ? loss.to(at::kFloat) : loss).mul(scale_);
}

bool LossScale::unscale(at::TensorList gradients) {
  c10::AutoGradMode no_grad(false);
  // The operator takes tensors of one type at a time.
  std::map<c10::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    by_type[gradient.scalar_type()].push_back(gradient.is_sparse() ? gradient._values() : gradient);
  }
  const at::Tensor inverse = inverse_of(scale_);
  at::Tensor overflow = at::zeros_like(overflow_);
  for (auto& [type, tensors] : by_type) {
    at::_amp_foreach_non_finite_check_and_unscale_(tensors, overflow, inverse);
  }
  at::maximum_out(overflow_, overflow_, overflow);
  outcome_noted_ = true;
  return overflow.item<float>() != 0;
}

double LossScale::inverse() const { return inverse_of(scale_).item<float>(); }

void LossScale::note(bool overflow) {
  if (overflow) overflow_.fill_(1);
  outcome_noted_ = true;
}

void LossScale::load(double value, int64_t growth_tracker) {
  scale_.fill_(value);
  growth_tracker_.fill_(growth_tracker);
  overflow_.zero_();
  outcome_noted_ = false;
}

double LossScale::value() const { return updated().first.item<float>(); }
int64_t LossScale::growth_tracker() const { return updated().second.item<int>(); }

std::pair<at::Tensor, at::Tensor> LossScale::updated() const {
  if (!outcome_noted_) return {scale_, growth_tracker_};
  c10::AutoGradMode no_grad(false);
  at::Tensor scale = scale_.clone(), growth_tracker = growth_tracker_.clone();
  at::_amp_update_scale_(scale, growth_tracker, overflow_, options_.growth_factor,
                         options_.backoff_factor, options_.growth_interval);
  return {scale, growth_tracker};
}

}  // namespace accelerate
