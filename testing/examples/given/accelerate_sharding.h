// What examples of accelerate/sharding take as given.
#include "accelerate/comm/communicator.h"
#include "accelerate/main/main.h"
#include "accelerate/sharding/sharded_parameters.h"

extern accelerate::Communicator& communicator;
extern torch::optim::AdamW adamw;
extern at::Tensor loss;
// ---- cut_tensor.h
extern at::Tensor parameter, part;
extern std::vector<int64_t> sizes;
extern PartPlace place;
// ---- optimizer_parts.h
extern PlaceOf place_of;
// ---- parts.h
extern at::Tensor momentum;
extern PartPlace place;
extern int rank;
// ---- sharded_facts.h
extern torch::optim::AdamW optimizer;
std::vector<at::Tensor> gradients_of(const torch::optim::Optimizer& optimizer);
// ---- sharded_parameters.h
extern std::vector<NamedParameter> parameters;
extern std::vector<at::Tensor> stepped;
// ---- sharded_reducer.h
extern ShardedParameters store;
// ---- sharded_strategy.h
extern GradientOptions options;
