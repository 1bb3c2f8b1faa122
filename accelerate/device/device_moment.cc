#include "accelerate/device/device_moment.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace accelerate {

DeviceMoment::DeviceMoment(c10::Device device) {
  if (device.is_cpu()) return;
  event_ = std::make_shared<c10::Event>(device.type());
  event_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

bool DeviceMoment::is_past() const { return event_ == nullptr || event_->query(); }

void DeviceMoment::wait() const {
  if (!is_past()) event_->synchronize();
}

}  // namespace accelerate
