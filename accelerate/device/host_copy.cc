#include "accelerate/device/host_copy.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace accelerate {

HostCopy::HostCopy(const at::Tensor& tensor) {
  c10::AutoGradMode no_grad(false);
  if (tensor.is_cpu()) {
    host_ = tensor.detach().clone();
    return;
  }
  host_ = at::empty(tensor.sizes(),
                    at::TensorOptions().dtype(tensor.scalar_type()).pinned_memory(true));
  host_.copy_(tensor, /*non_blocking=*/true);
  arrival_ = std::make_shared<c10::Event>(tensor.device().type());
  arrival_->record(c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()));
}

bool HostCopy::is_there() const { return arrival_ == nullptr || arrival_->query(); }

const at::Tensor& HostCopy::get() const {
  if (!is_there()) arrival_->synchronize();
  return host_;
}

}  // namespace accelerate
