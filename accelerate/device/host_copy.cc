#include "accelerate/device/host_copy.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

namespace accelerate {
namespace {

at::Tensor begun_copy(const at::Tensor& tensor) {
  c10::AutoGradMode no_grad(false);
  if (tensor.is_cpu()) return tensor.detach().clone();
  at::Tensor host = at::empty(tensor.sizes(),
                              at::TensorOptions().dtype(tensor.scalar_type()).pinned_memory(true));
  host.copy_(tensor, /*non_blocking=*/true);
  return host;
}

}  // namespace

HostCopy::HostCopy(const at::Tensor& tensor)
    : host_(begun_copy(tensor)), arrival_(tensor.device()) {}

const at::Tensor& HostCopy::get() const {
  arrival_.wait();
  return host_;
}

}  // namespace accelerate
