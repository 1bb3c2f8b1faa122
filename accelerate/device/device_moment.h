// A moment in a device's queue: it is past when all is done that was launched before it.
//
//   host.copy_(values, /*non_blocking=*/true);
//   const DeviceMoment arrival(values.device());
//   launch_next_step();
//   arrival.wait();
//   write(host);
//
// On the CPU, where nothing is queued, it is past at once. To be made and destroyed by the thread
// that launches, as that knows its device; others may ask and wait. Not for one small tensor:
// host_copy.h.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <memory>

namespace accelerate {

class DeviceMoment {
 public:
  // Now, on the current stream of the device.
  explicit DeviceMoment(c10::Device device);

  // Without waiting.
  bool is_past() const;
  // Throws c10::Error where what was launched has failed.
  void wait() const;

 private:
  // Null when there is nothing to wait for.
  std::shared_ptr<c10::Event> event_;
};

}  // namespace accelerate
