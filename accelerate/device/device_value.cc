#include "accelerate/device/device_value.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cstring>

namespace accelerate::internal {
namespace {

// On the host, in memory that a GPU copies from without the host.
at::Tensor bytes_of(const void* data, std::size_t size, c10::Device destination) {
  const auto options = at::TensorOptions().dtype(at::kByte).pinned_memory(!destination.is_cpu());
  at::Tensor bytes = at::empty({static_cast<int64_t>(size)}, options);
  std::memcpy(bytes.data_ptr(), data, size);
  return bytes;
}

}  // namespace

DeviceBytes::DeviceBytes(c10::Device device, const void* initial, std::size_t size)
    : bytes_(bytes_of(initial, size, device).to(device, /*non_blocking=*/true)) {}

void DeviceBytes::read(void* to) const {
  const at::Tensor host = bytes_.cpu();
  std::memcpy(to, host.const_data_ptr(), host.nbytes());
}

void DeviceBytes::write(const void* from, std::size_t offset, std::size_t size) {
  c10::AutoGradMode no_grad(false);
  bytes_.narrow(0, static_cast<int64_t>(offset), static_cast<int64_t>(size))
      .copy_(bytes_of(from, size, bytes_.device()), /*non_blocking=*/true);
}

at::Tensor DeviceBytes::member(std::size_t offset, c10::ScalarType type) const {
  c10::AutoGradMode no_grad(false);
  return bytes_
      .narrow(0, static_cast<int64_t>(offset), static_cast<int64_t>(c10::elementSize(type)))
      .view(type)
      .squeeze(0);
}

}  // namespace accelerate::internal
