// A device for tests on machines without a GPU: it uses the host's memory, does everything at once,
// and records what it was asked to do. It has streams, events and pinned memory, and can be copied
// to and from; it cannot compute.
//
//   at::ones({2}).to(kFakeDevice, /*non_blocking=*/true);
//   take_calls();   // {"allocate for stream 0", "copy on stream 0 from pageable memory"}
//
// Not for what depends on time, such as whether a program really waits for a copy: that needs a
// GPU. For use from one thread. It occupies LibTorch's only slot for an external backend, so a
// program that links it cannot have another one.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

namespace accelerate {

inline const c10::Device kFakeDevice(c10::DeviceType::PrivateUse1, 0);

// Returns the calls since the last call of this function. The device's default stream is 0, the one
// of its pool is 1, and events are numbered from 1, starting again with each call of this function.
std::vector<std::string> take_calls();

}  // namespace accelerate
