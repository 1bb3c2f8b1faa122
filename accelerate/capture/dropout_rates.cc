#include "accelerate/capture/dropout_rates.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/rnn.h>

#include <algorithm>

namespace accelerate {
namespace {

// Null for a module without one.
const double* rate_of(const torch::nn::Module& module) {
  using namespace torch::nn;
  if (const auto* known = module.as<DropoutImpl>()) return &known->options.p();
  if (const auto* known = module.as<Dropout2dImpl>()) return &known->options.p();
  if (const auto* known = module.as<Dropout3dImpl>()) return &known->options.p();
  if (const auto* known = module.as<AlphaDropoutImpl>()) return &known->options.p();
  if (const auto* known = module.as<FeatureAlphaDropoutImpl>()) return &known->options.p();
  if (const auto* known = module.as<MultiheadAttentionImpl>()) return &known->options.dropout();
  if (const auto* known = module.as<RNNImpl>()) return &known->options_base.dropout();
  if (const auto* known = module.as<LSTMImpl>()) return &known->options_base.dropout();
  if (const auto* known = module.as<GRUImpl>()) return &known->options_base.dropout();
  return nullptr;
}

}  // namespace

DropoutRates::DropoutRates(const std::vector<std::shared_ptr<torch::nn::Module>>& modules) {
  const auto add = [this](const std::shared_ptr<torch::nn::Module>& module) {
    if (const double* place = rate_of(*module))
      rates_.push_back({module, module.use_count() > 0, place, *place});
  };
  for (const auto& root : modules) {
    add(root);
    for (const auto& module : root->modules(/*include_self=*/false)) add(module);
  }
}

bool DropoutRates::are_as_noted() const {
  return std::all_of(rates_.begin(), rates_.end(), [](const Rate& each) {
    return !(each.is_owned && each.module.expired()) && *each.place == each.value;
  });
}

}  // namespace accelerate
