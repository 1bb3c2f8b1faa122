#include "accelerate/data/device_copies.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace accelerate {
namespace {

// Not Tensor::pin_memory(), which throws on an expanded tensor.
at::Tensor pinned(const at::Tensor& tensor) {
  if (tensor.is_pinned()) return tensor;
  return at::empty_like(tensor, tensor.options().pinned_memory(true)).copy_(tensor);
}

}  // namespace

DeviceCopies::DeviceCopies(c10::Device device)
    : stream_(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device)) {}

DeviceCopies::Arrival DeviceCopies::begin(at::ArrayRef<at::Tensor*> tensors) const {
  const c10::Device device = stream_.device();
  std::vector<at::Tensor> copies;
  for (at::Tensor* tensor : tensors) {
    if (!tensor->defined()) continue;
    // The key of dense tensors: a sparse one has another, and can neither be pinned as a whole nor
    // be kept for a stream.
    if (!tensor->key_set().has(c10::DispatchKey::CPU)) {
      *tensor = tensor->to(device, /*non_blocking=*/true);
      continue;
    }
    // Memory on the device is of the stream that is current when it is allocated.
    const c10::StreamGuard guard(stream_);
    *tensor = pinned(*tensor).to(device, /*non_blocking=*/true);
    copies.push_back(*tensor);
  }
  c10::Event arrived(device.type());
  arrived.record(stream_);
  return Arrival(std::move(copies), std::move(arrived));
}

void DeviceCopies::Arrival::wait() const {
  const c10::Stream current =
      c10::impl::VirtualGuardImpl(arrived_.device_type()).getStream(arrived_.device());
  arrived_.block(current);
  for (const at::Tensor& tensor : tensors_) tensor.record_stream(current);
}

}  // namespace accelerate
