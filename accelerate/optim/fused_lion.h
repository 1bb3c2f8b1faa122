// Lion, as the fused step sees it.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "accelerate/optim/fused_rule.h"
#include "accelerate/optim/lion.h"
#include "kernels/optimizer/rules/lion.h"

namespace accelerate::internal {

struct FusedLion {
  using Kernel = kernels::Lion;
  using Optimizer = Lion;
  using Options = LionOptions;
  using State = LionParamState;
  static constexpr std::string_view kName = "Lion";

  static kernels::LionOptions kernel_options(const Options& own) {
    return {.lr = own.lr(),
            .beta1 = std::get<0>(own.betas()),
            .beta2 = std::get<1>(own.betas()),
            .weight_decay = own.weight_decay()};
  }
  static PerState<Kernel, bool> needed(const Options&) { return {true}; }
  static auto arrays(auto& state) { return std::array{&state.exp_avg()}; }
  static constexpr PerState<Kernel, std::string_view> kArrayNames = {"exp_avg"};
  static void visit_options(Options& own, auto&& visit) {
    visit("lr", own.lr());
    visit("beta1", std::get<0>(own.betas()));
    visit("beta2", std::get<1>(own.betas()));
    visit("weight_decay", own.weight_decay());
  }
  // All its steps are alike, and it does not count them.
  static int64_t steps(const State&) { return 0; }
  static void count(State&, int64_t) {}
};

}  // namespace accelerate::internal
