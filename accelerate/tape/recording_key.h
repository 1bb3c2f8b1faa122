// The dispatch key of LibTorch below which the operators of a step are recorded.
//
// Part of recording.h; not for others.
#pragma once

#include <c10/core/DispatchKey.h>

#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {

// Note [Recording below autograd] LibTorch keeps the dispatch key Fake for tools that look at every
// operator below autograd and autocast. A fallback there, which a thread includes while it records,
// sees the leaves of a step: the operators that autograd and autocast call in the end, in the order
// in which they run, including the backward pass.
inline constexpr c10::DispatchKey kRecordingKey = c10::DispatchKey::Fake;

}  // namespace accelerate::internal
