// RMSprop of LibTorch, as the fused step sees it.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <torch/optim/rmsprop.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "accelerate/optim/fused_rule.h"
#include "kernels/optimizer/rules/rmsprop.h"

namespace accelerate::internal {

struct FusedRmsProp {
  using Kernel = kernels::RmsProp;
  using Optimizer = torch::optim::RMSprop;
  using Options = torch::optim::RMSpropOptions;
  using State = torch::optim::RMSpropParamState;
  static constexpr std::string_view kName = "RMSprop";

  static kernels::RmsPropOptions kernel_options(const Options& own) {
    return {.lr = own.lr(),
            .alpha = own.alpha(),
            .eps = own.eps(),
            .weight_decay = own.weight_decay(),
            .momentum = own.momentum()};
  }
  static PerState<Kernel, bool> needed(const Options& own) {
    return {true, own.momentum() > 0, own.centered()};
  }
  static auto arrays(auto& state) {
    return std::array{&state.square_avg(), &state.momentum_buffer(), &state.grad_avg()};
  }
  static constexpr PerState<Kernel, std::string_view> kArrayNames = {"square_avg",
                                                                     "momentum_buffer", "grad_avg"};
  static void visit_options(Options& own, auto&& visit) {
    visit("lr", own.lr());
    visit("alpha", own.alpha());
    visit("eps", own.eps());
    visit("weight_decay", own.weight_decay());
    visit("momentum", own.momentum());
    visit("centered", own.centered());
  }
  static int64_t steps(const State& state) { return state.step(); }
  static void count(State& state, int64_t by) { state.step(state.step() + by); }
};

}  // namespace accelerate::internal
