#include "accelerate/sharding/sharded_strategy.h"

#include <memory>
#include <utility>
#include <vector>

#include "accelerate/sharding/sharded_facts.h"
#include "accelerate/sharding/sharded_parameters.h"
#include "accelerate/sharding/sharded_reducer.h"

namespace accelerate {

StrategyParts ShardedGradients::make(Communicator& communicator, const GradientOptions& options,
                                     launcher::Sharding sharding) {
  if (communicator.size() == 1 || sharding == launcher::Sharding::kNone)
    return AveragedGradients::make(communicator, options);
  check_gradient_options(options);
  StrategyParts parts;
  parts.is_sharded = true;
  parts.make_parameter_store = [&communicator, options](std::vector<NamedParameter> parameters) {
    return std::make_unique<ShardedParameters>(
        communicator, std::move(parameters),
        internal::BucketSizes{.first_mb = options.first_bucket_mb,
                              .cap_mb = options.bucket_cap_mb});
  };
  parts.make_gradient_sync = [&communicator, options](ParameterStore& store,
                                                      const GradientNotes& notes) {
    return std::make_unique<ShardedReducer>(
        communicator, static_cast<const ShardedParameters&>(store), options, notes);
  };
  parts.gradient_facts = std::make_unique<ShardedFacts>(communicator);
  return parts;
}

}  // namespace accelerate
