#include "accelerate/device/device_moment.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace accelerate {

DeviceMoment::DeviceMoment(c10::Device device) {
  if (device.is_cpu()) return;
  event_ = std::make_shared<c10::Event>(device.type());
  event_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

// With the device of the event, as a thread of its own would else begin to use the first one.
bool DeviceMoment::is_past() const {
  if (event_ == nullptr) return true;
  const c10::DeviceGuard guard(event_->device());
  return event_->query();
}

void DeviceMoment::wait() const {
  if (event_ == nullptr) return;
  const c10::DeviceGuard guard(event_->device());
  if (!event_->query()) event_->synchronize();
}

}  // namespace accelerate
