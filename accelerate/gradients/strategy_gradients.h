// What a strategy makes for the engine: the objects that handle a model's gradients and parameters
// between the processes. A strategy names one of these types; the engine knows nothing else about
// it.
//
//   StrategyParts parts = MultiCpu::Gradients::make(communicator, options);
//
// Not for programs.
#pragma once

#include <memory>

#include "accelerate/comm/communicator.h"
#include "accelerate/gradients/gradient_facts.h"
#include "accelerate/gradients/gradient_options.h"
#include "accelerate/gradients/gradient_sync.h"
#include "accelerate/layout/parameter_store.h"
#include "launcher/env/sharding_stage.h"

namespace accelerate {

struct StrategyParts {
  // Null if there is no other process to sync with.
  MakeGradientSync make_gradient_sync = nullptr;
  MakeParameterStore make_parameter_store;
  std::unique_ptr<GradientFacts> gradient_facts;
  // Whether ranks step parts of what they train.
  bool is_sharded = false;
};

// The communicator must outlive the result; `sharding` is for strategies that do not fix it. Throws
// c10::Error if an option is out of range.
using MakeStrategyParts = StrategyParts (*)(Communicator& communicator,
                                            const GradientOptions& options,
                                            launcher::Sharding sharding);

// This process trains alone.
struct OwnGradients {
  static StrategyParts make(Communicator& communicator, const GradientOptions& options,
                            launcher::Sharding sharding = launcher::Sharding::kNone);
};

// Every process has the whole model and steps with the mean of all processes' gradients.
struct AveragedGradients {
  static StrategyParts make(Communicator& communicator, const GradientOptions& options,
                            launcher::Sharding sharding = launcher::Sharding::kNone);
};

}  // namespace accelerate
