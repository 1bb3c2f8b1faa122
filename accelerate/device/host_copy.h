// Copies a tensor from the device to the host, for a number that nobody has to wait for: the copy
// is queued on the device, and the host reads the number once it has arrived.
//
//   HostCopy overflow(flag);
//   launch_next_step();
//   if (overflow.is_there() && overflow.get().item<int>() != 0) take_it_back();
//
// The copy of a tensor on the CPU is available immediately. Not for large tensors: each copy takes
// pinned memory. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include "accelerate/device/device_moment.h"

namespace accelerate {

class HostCopy {
 public:
  // Copies on the current stream of the tensor's device.
  explicit HostCopy(const at::Tensor& tensor);

  // Whether the copy has arrived; does not wait.
  bool is_there() const { return arrival_.is_past(); }
  // Waits until the copy has arrived.
  const at::Tensor& get() const;

 private:
  at::Tensor host_;
  DeviceMoment arrival_;
};

}  // namespace accelerate
