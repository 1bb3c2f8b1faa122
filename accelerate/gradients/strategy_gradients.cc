#include "accelerate/gradients/strategy_gradients.h"

#include <utility>
#include <vector>

#include "accelerate/gradients/gradient_norm.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/layout/flat_parameters.h"

namespace accelerate {
namespace {

std::unique_ptr<ParameterStore> make_flat(std::vector<NamedParameter> parameters) {
  return std::make_unique<FlatParameters>(std::move(parameters));
}

}  // namespace

StrategyParts OwnGradients::make(Communicator& /*communicator*/, const GradientOptions& options,
                                 launcher::Sharding /*sharding*/) {
  check_gradient_options(options);
  return {.make_parameter_store = make_flat, .gradient_facts = std::make_unique<GradientNorm>()};
}

StrategyParts AveragedGradients::make(Communicator& communicator, const GradientOptions& options,
                                      launcher::Sharding /*sharding*/) {
  StrategyParts parts = OwnGradients::make(communicator, options);
  if (communicator.size() == 1) return parts;
  parts.make_gradient_sync = [&communicator, options](ParameterStore& store,
                                                      const GradientNotes& notes) {
    return std::make_unique<GradientReducer>(communicator, store.parameters(), options, notes);
  };
  return parts;
}

}  // namespace accelerate
