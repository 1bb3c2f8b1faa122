// Adam and AdamW of LibTorch, as the fused step sees them.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "accelerate/optim/fused_rule.h"
#include "kernels/optimizer/rules/adam.h"

namespace accelerate::internal {

template <class LibTorchOptimizer, class LibTorchOptions, class LibTorchState, bool kDecoupledDecay>
struct FusedAdamOf {
  using Kernel = kernels::Adam;
  using Optimizer = LibTorchOptimizer;
  using Options = LibTorchOptions;
  using State = LibTorchState;
  static constexpr std::string_view kName = kDecoupledDecay ? "AdamW" : "Adam";

  static kernels::AdamOptions kernel_options(const Options& own) {
    return {.lr = own.lr(),
            .beta1 = std::get<0>(own.betas()),
            .beta2 = std::get<1>(own.betas()),
            .eps = own.eps(),
            .weight_decay = own.weight_decay(),
            .decoupled_weight_decay = kDecoupledDecay};
  }
  static PerState<Kernel, bool> needed(const Options& own) { return {true, true, own.amsgrad()}; }
  static auto arrays(auto& state) {
    return std::array{&state.exp_avg(), &state.exp_avg_sq(), &state.max_exp_avg_sq()};
  }
  static constexpr PerState<Kernel, std::string_view> kArrayNames = {"exp_avg", "exp_avg_sq",
                                                                     "max_exp_avg_sq"};
  static void visit_options(Options& own, auto&& visit) {
    visit("lr", own.lr());
    visit("beta1", std::get<0>(own.betas()));
    visit("beta2", std::get<1>(own.betas()));
    visit("eps", own.eps());
    visit("weight_decay", own.weight_decay());
    visit("amsgrad", own.amsgrad());
  }
  static int64_t steps(const State& state) { return state.step(); }
  static void count(State& state, int64_t by) { state.step(state.step() + by); }
};

using FusedAdam = FusedAdamOf<torch::optim::Adam, torch::optim::AdamOptions,
                              torch::optim::AdamParamState, /*kDecoupledDecay=*/false>;
using FusedAdamW = FusedAdamOf<torch::optim::AdamW, torch::optim::AdamWOptions,
                               torch::optim::AdamWParamState, /*kDecoupledDecay=*/true>;

}  // namespace accelerate::internal
