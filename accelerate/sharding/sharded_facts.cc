#include "accelerate/sharding/sharded_facts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "accelerate/sharding/cut_tensor.h"

namespace accelerate {
namespace {

at::Tensor sum_in(const DeviceValue<kernels::NormResult>& value) {
  return value.member(offsetof(kernels::NormResult, sum), at::kDouble);
}
at::Tensor finite_in(const DeviceValue<kernels::NormResult>& value) {
  return value.member(offsetof(kernels::NormResult, finite), at::kInt);
}

// The same on all ranks, as each has a part of what is cut.
bool any_part(const std::vector<at::Tensor>& gradients) {
  return std::any_of(gradients.begin(), gradients.end(), is_part);
}

}  // namespace

std::vector<at::Tensor> ShardedFacts::counted(const std::vector<at::Tensor>& gradients) const {
  std::vector<at::Tensor> result;
  for (const at::Tensor& gradient : gradients) {
    const bool counts = is_part(gradient) || communicator_.rank() == 0;
    if (counts && (gradient.is_sparse() || gradient.numel() > 0)) result.push_back(gradient);
  }
  return result;
}

void ShardedFacts::measure(const std::vector<at::Tensor>& gradients) {
  TORCH_CHECK(!gradients.empty() && GradientNorm::takes(gradients),
              "the norm of these gradients cannot be taken in one read: they must be dense, of a "
              "floating type and on one device");
  if (!any_part(gradients)) {
    own_.measure(gradients);
    last_ = &own_.value();
    return;
  }
  c10::AutoGradMode no_grad(false);
  const c10::Device device = gradients.front().device();
  last_ = &results_.on(device);
  // The sum, and how many ranks have something that is not finite.
  at::Tensor numbers = at::zeros({2}, at::TensorOptions(device).dtype(at::kDouble));
  if (const auto own = counted(gradients); !own.empty()) {
    own_.measure(own);
    if (device.is_cpu()) {
      const kernels::NormResult& result = *own_.result();
      double* values = numbers.mutable_data_ptr<double>();
      values[0] = result.sum;
      values[1] = result.finite ? 0 : 1;
    } else {
      numbers[0].copy_(sum_in(own_.value()));
      numbers[1].copy_(finite_in(own_.value()).eq(0));
    }
  }
  communicator_.all_reduce(numbers, ReduceOp::kSum);
  if (device.is_cpu()) {
    const double* values = numbers.const_data_ptr<double>();
    *last_->get() = {.sum = values[0], .finite = values[1] == 0};
  } else {
    sum_in(*last_).copy_(numbers[0]);
    finite_in(*last_).copy_(numbers[1].eq(0));
  }
}

at::Tensor ShardedFacts::norm() const { return sum_in(*last_).sqrt(); }

at::Tensor ShardedFacts::norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const {
  if (!any_part(gradients)) return own_.norm_of(gradients, norm_type);
  c10::AutoGradMode no_grad(false);
  const auto options = at::TensorOptions(gradients.front().device()).dtype(at::kDouble);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<at::Tensor> own = counted(gradients);
  if (std::isinf(norm_type)) {
    at::Tensor norm = own.empty() ? at::full({}, norm_type > 0 ? 0 : kInfinity, options)
                                  : own_.norm_of(own, norm_type);
    communicator_.all_reduce(norm, norm_type > 0 ? ReduceOp::kMax : ReduceOp::kMin);
    return norm;
  }
  TORCH_CHECK(norm_type > 0, "clip_grad_norm: norm_type is ", norm_type,
              ", which gradients that are cut over the processes do not support; give a positive "
              "number, or infinity");
  at::Tensor sum =
      own.empty() ? at::zeros({}, options) : own_.norm_of(own, norm_type).pow(norm_type);
  communicator_.all_reduce(sum, ReduceOp::kSum);
  return sum.pow(1 / norm_type);
}

bool ShardedFacts::any_rank(const std::vector<at::Tensor>& gradients, bool here) const {
  if (!any_part(gradients)) return here;
  return communicator_.all_reduce_numbers({here ? 1 : 0}, ReduceOp::kMax)[0] != 0;
}

}  // namespace accelerate
