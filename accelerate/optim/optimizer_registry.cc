#include "accelerate/optim/optimizer_registry.h"

#include <torch/optim/optimizer.h>

#include <tuple>

#include "accelerate/optim/cpu_fused.h"
#include "accelerate/optim/fused_adagrad.h"
#include "accelerate/optim/fused_adam.h"
#include "accelerate/optim/fused_lion.h"
#include "accelerate/optim/fused_rmsprop.h"
#include "accelerate/optim/fused_sgd.h"
#include "accelerate/optim/gpu_fused.h"

namespace accelerate::internal {
namespace {

using torch::optim::Optimizer;

template <FusedRule Rule>
std::unique_ptr<FusedOptimizer> make_cpu(Optimizer& optimizer) {
  return std::make_unique<CpuFused<Rule>>(optimizer);
}

template <FusedRule Rule>
std::unique_ptr<FusedOptimizer> make_gpu(Optimizer& optimizer, c10::Device device) {
  return std::make_unique<GpuFused<Rule>>(optimizer, device);
}

template <FusedRule Rule>
double* momentum(torch::optim::OptimizerOptions& options) {
  auto* own = dynamic_cast<typename Rule::Options*>(&options);
  if (own == nullptr) return nullptr;
  if constexpr (requires { own->momentum(); }) {
    return &own->momentum();
  } else if constexpr (requires { own->betas(); }) {
    return &std::get<0>(own->betas());
  } else {
    return nullptr;
  }
}

template <FusedRule Rule>
RegisteredOptimizer entry() {
  return {typeid(typename Rule::Optimizer), make_cpu<Rule>, make_gpu<Rule>, momentum<Rule>};
}

}  // namespace

std::span<const RegisteredOptimizer> registered_optimizers() {
  static const RegisteredOptimizer all[] = {
      entry<FusedAdagrad>(), entry<FusedAdam>(),    entry<FusedAdamW>(),
      entry<FusedLion>(),    entry<FusedRmsProp>(), entry<FusedSgd>(),
  };
  return all;
}

}  // namespace accelerate::internal
