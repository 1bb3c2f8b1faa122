// A moment in a device's queue: it is past when everything that was launched before it is done.
//
//   host.copy_(values, /*non_blocking=*/true);
//   const DeviceMoment arrival(values.device());
//   launch_next_step();
//   arrival.wait();
//   write(host);
//
// On the CPU, which queues nothing, it is past immediately. The thread that launches must create
// and destroy it, because that thread knows its device; other threads may query it and wait. Not
// for one small tensor: use host_copy.h.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <memory>

namespace accelerate {

class DeviceMoment {
 public:
  // The moment is now, on the current stream of the device.
  explicit DeviceMoment(c10::Device device);

  // Does not wait.
  bool is_past() const;
  // Throws c10::Error if what was launched has failed.
  void wait() const;

 private:
  // Null when there is nothing to wait for.
  std::shared_ptr<c10::Event> event_;
};

}  // namespace accelerate
