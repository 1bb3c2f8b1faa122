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
std::unique_ptr<FusedOptimizer> make_cpu(Optimizer& optimizer, const MomentOptions& moments) {
  return std::make_unique<CpuFused<Rule>>(optimizer, moments);
}

template <FusedRule Rule>
std::unique_ptr<FusedOptimizer> make_gpu(Optimizer& optimizer, c10::Device device,
                                         const MomentOptions& moments) {
  return std::make_unique<GpuFused<Rule>>(optimizer, device, moments);
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
std::unique_ptr<torch::optim::OptimizerParamState> make_state() {
  return std::make_unique<typename Rule::State>();
}

template <FusedRule Rule>
std::vector<NamedArray> arrays(torch::optim::OptimizerParamState& state) {
  std::vector<NamedArray> result;
  for (at::Tensor* array : Rule::arrays(static_cast<typename Rule::State&>(state)))
    result.push_back({Rule::kArrayNames[result.size()], array});
  return result;
}

template <class State>
constexpr bool counts_steps = requires(State& state) {
  state.step(int64_t{1});
};

template <FusedRule Rule>
std::optional<int64_t> steps(const torch::optim::OptimizerParamState& state) {
  if constexpr (counts_steps<typename Rule::State>) {
    return Rule::steps(static_cast<const typename Rule::State&>(state));
  } else {
    return std::nullopt;
  }
}

template <FusedRule Rule>
void set_steps(torch::optim::OptimizerParamState& state, int64_t steps) {
  auto& own = static_cast<typename Rule::State&>(state);
  Rule::count(own, steps - Rule::steps(own));
}

template <FusedRule Rule>
std::vector<NamedOption> options(torch::optim::OptimizerOptions& options) {
  std::vector<NamedOption> result;
  Rule::visit_options(static_cast<typename Rule::Options&>(options),
                      [&result](std::string_view name, auto& value) {
                        NamedOption& option = result.emplace_back();
                        option.name = name;
                        option.value = &value;
                      });
  return result;
}

template <FusedRule Rule>
RegisteredOptimizer entry() {
  return {.type = typeid(typename Rule::Optimizer),
          .make_cpu = make_cpu<Rule>,
          .make_gpu = make_gpu<Rule>,
          .has_moments = kernels::HasMoments<typename Rule::Kernel>,
          .momentum = momentum<Rule>,
          .make_state = make_state<Rule>,
          .arrays = arrays<Rule>,
          .steps = steps<Rule>,
          .set_steps = set_steps<Rule>,
          .options = options<Rule>};
}

}  // namespace

std::span<const RegisteredOptimizer> registered_optimizers() {
  static const RegisteredOptimizer all[] = {
      entry<FusedAdagrad>(), entry<FusedAdam>(),    entry<FusedAdamW>(),
      entry<FusedLion>(),    entry<FusedRmsProp>(), entry<FusedSgd>(),
  };
  return all;
}

const RegisteredOptimizer* find_registered(const Optimizer& optimizer) {
  for (const RegisteredOptimizer& known : registered_optimizers()) {
    if (typeid(optimizer) == known.type) return &known;
  }
  return nullptr;
}

}  // namespace accelerate::internal
