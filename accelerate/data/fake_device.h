// A device for tests on machines without a GPU: it lies in the host's memory, does all at once, and
// writes down what it was asked for. It has streams, events and pinned memory, and can be copied to
// and from; it cannot compute.
//
//   at::ones({2}).to(kFakeDevice, /*non_blocking=*/true);
//   take_calls();   // {"allocate for stream 0", "copy on stream 0 from pageable memory"}
//
// Not for what depends on time, such as whether a copy is waited for in fact: that takes a GPU. For
// use from one thread. It takes LibTorch's place for a backend from outside, so a program that
// links it can have no other.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

namespace accelerate {

inline const c10::Device kFakeDevice(c10::DeviceType::PrivateUse1, 0);

// The calls since the last time. The device's own stream is 0, the one of its pool 1, and events
// have numbers from 1 on, which begin anew with each call of this.
std::vector<std::string> take_calls();

}  // namespace accelerate
