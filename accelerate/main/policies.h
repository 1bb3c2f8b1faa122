// The policies that this program is compiled for: all of them, or those that the build fixed.
//
// Only the sources of an accelerate_binary see the macros, and all of them see the same ones.
// Part of main.h, which includes it; not for others.
#pragma once

#include "accelerate/precision/precision.h"
#include "accelerate/strategy/strategy.h"

namespace accelerate::internal {

template <class... Policies>
struct PolicyList {
  // Calls the function with each policy as a template argument.
  template <class Function>
  static void for_each(Function&& function) {
    (function.template operator()<Policies>(), ...);
  }
};

#ifdef ACCELERATE_FIXED_STRATEGY
using BuiltStrategies = PolicyList<ACCELERATE_FIXED_STRATEGY>;
#ifdef ACCELERATE_WITHOUT_CUDA
static_assert(ACCELERATE_FIXED_STRATEGY::traits.device == c10::DeviceType::CPU,
              "this program is fixed to a GPU strategy, but CUDA is not in this build: add "
              "--config=cuda, or choose "
              "another with --strategy");
#endif
#elif defined(ACCELERATE_WITHOUT_CUDA)
// Nobody can choose the others in this build, and each takes time to compile.
using BuiltStrategies = PolicyList<Cpu, MultiCpu, ShardedCpu>;
#else
using BuiltStrategies = PolicyList<Cpu, MultiCpu, ShardedCpu, Gpu, MultiGpu, ShardedGpu>;
#endif

#ifdef ACCELERATE_FIXED_PRECISION
using BuiltPrecisions = PolicyList<ACCELERATE_FIXED_PRECISION>;
#else
using BuiltPrecisions = PolicyList<Fp32, Fp16, Bf16>;
#endif

}  // namespace accelerate::internal
