// What the sharded strategies make for the engine: see gradients/strategy_gradients.h.
//
//   StrategyParts parts = Zero2Cpu::Gradients::make(communicator, options, Sharding::kZero2);
//
// Not for programs.
#pragma once

#include "accelerate/gradients/strategy_gradients.h"

namespace accelerate {

// Every process has the whole model, and steps its part of it with its part of the mean of all
// processes' gradients. In a run of one process, or if nothing is to be cut, these are
// AveragedGradients.
struct ShardedGradients {
  static StrategyParts make(Communicator& communicator, const GradientOptions& options,
                            launcher::Sharding sharding);
};

}  // namespace accelerate
