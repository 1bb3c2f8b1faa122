// SGD of LibTorch, as the fused step sees it.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <torch/optim/sgd.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "accelerate/optim/fused_rule.h"
#include "kernels/optimizer/rules/sgd.h"

namespace accelerate::internal {

struct FusedSgd {
  using Kernel = kernels::Sgd;
  using Optimizer = torch::optim::SGD;
  using Options = torch::optim::SGDOptions;
  using State = torch::optim::SGDParamState;
  static constexpr std::string_view kName = "SGD";

  static kernels::SgdOptions kernel_options(const Options& own) {
    return {.lr = own.lr(),
            .momentum = own.momentum(),
            .dampening = own.dampening(),
            .weight_decay = own.weight_decay(),
            .nesterov = own.nesterov()};
  }
  // Without momentum there must be no state at all: LibTorch expects a buffer in every state.
  static PerState<Kernel, bool> needed(const Options& own) { return {own.momentum() != 0}; }
  static auto arrays(auto& state) { return std::array{&state.momentum_buffer()}; }
  static constexpr PerState<Kernel, std::string_view> kArrayNames = {"momentum_buffer"};
  static void visit_options(Options& own, auto&& visit) {
    visit("lr", own.lr());
    visit("momentum", own.momentum());
    visit("dampening", own.dampening());
    visit("weight_decay", own.weight_decay());
    visit("nesterov", own.nesterov());
  }
  // LibTorch does not count steps; it only checks for a buffer, to which the first step copies the
  // gradient, whatever the dampening.
  static int64_t steps(const State& state) { return state.momentum_buffer().defined(); }
  static void count(State&, int64_t) {}
};

}  // namespace accelerate::internal
