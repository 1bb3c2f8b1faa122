// Adagrad of LibTorch, as the fused step sees it.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <torch/optim/adagrad.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "accelerate/optim/fused_rule.h"
#include "kernels/optimizer/rules/adagrad.h"

namespace accelerate::internal {

struct FusedAdagrad {
  using Kernel = kernels::Adagrad;
  using Optimizer = torch::optim::Adagrad;
  using Options = torch::optim::AdagradOptions;
  using State = torch::optim::AdagradParamState;
  static constexpr std::string_view kName = "Adagrad";

  static kernels::AdagradOptions kernel_options(const Options& own) {
    return {.lr = own.lr(),
            .lr_decay = own.lr_decay(),
            .weight_decay = own.weight_decay(),
            .eps = own.eps()};
  }
  // For parameters that are added later: LibTorch makes the state of the first ones when it
  // constructs the optimizer.
  static double initial(const Options& own) { return own.initial_accumulator_value(); }
  static PerState<Kernel, bool> needed(const Options&) { return {true}; }
  static auto arrays(auto& state) { return std::array{&state.sum()}; }
  static constexpr PerState<Kernel, std::string_view> kArrayNames = {"sum"};
  static void visit_options(Options& own, auto&& visit) {
    visit("lr", own.lr());
    visit("lr_decay", own.lr_decay());
    visit("weight_decay", own.weight_decay());
    visit("initial_accumulator_value", own.initial_accumulator_value());
    visit("eps", own.eps());
  }
  static int64_t steps(const State& state) { return state.step(); }
  static void count(State& state, int64_t by) { state.step(state.step() + by); }
};

}  // namespace accelerate::internal
