// A tensor on its way from the device to the host, for a number that nobody has to wait for: the
// copy takes its place in the device's queue, and the host reads it when it is there.
//
//   HostCopy overflow(flag);
//   launch_next_step();
//   if (overflow.is_there() && overflow.get().item<int>() != 0) take_it_back();
//
// Of a tensor on the CPU it is there at once. Not for large tensors: each takes pinned memory. Not
// thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include "accelerate/device/device_moment.h"

namespace accelerate {

class HostCopy {
 public:
  // On the current stream of the tensor's device.
  explicit HostCopy(const at::Tensor& tensor);

  // Without waiting.
  bool is_there() const { return arrival_.is_past(); }
  // Waits until it is there.
  const at::Tensor& get() const;

 private:
  at::Tensor host_;
  DeviceMoment arrival_;
};

}  // namespace accelerate
