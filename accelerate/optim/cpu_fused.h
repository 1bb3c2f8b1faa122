// The FusedOptimizer for parameters on the CPU: runs a kernel for each block of elements, on
// LibTorch's threads if there are many blocks.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "accelerate/layout/blocks.h"
#include "accelerate/optim/fused_items.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/optim/fused_rule.h"
#include "accelerate/optim/moment_options.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rule.h"

namespace accelerate::internal {

template <FusedRule Rule>
class CpuFused final : public FusedOptimizer {
 public:
  CpuFused(torch::optim::Optimizer& optimizer, const MomentOptions& moments)
      : items_(optimizer, at::kCPU, moments) {}

  std::string_view name() const override { return Rule::kName; }
  c10::Device device() const override { return items_.device(); }

  bool step(const kernels::Step* step) override {
    if (step->overflow != 0) return true;
    c10::AutoGradMode no_grad(false);
    if (!items_.all_fit()) return items_.leave_to_own_step();
    items_.gather();
    counts_.clear();
    for (const Item& item : items_.items()) counts_.push_back(item.count);
    cut_into_blocks(counts_, blocks_);
    const auto run = [&](const Block& block) {
      const Item& item = items_.items()[block.array];
      if (item.is_double) return step_block<double>(item, block, step->gradient_factor);
      if constexpr (kernels::HasMoments<Kernel>) {
        if (items_.rounds_moments()) return step_rounded(item, block, step->gradient_factor);
      }
      step_block<float>(item, block, step->gradient_factor);
    };
    for_each_block(blocks_, run, /*in_order=*/items_.share_memory());
    return true;
  }

 private:
  using Kernel = typename Rule::Kernel;
  using Item = typename FusedItems<Rule>::Item;

  template <class T>
  void step_block(const Item& item, const Block& block, double gradient_factor) const {
    kernels::OptimizerArrays<Kernel, T> arrays = {
        .parameter = static_cast<T*>(item.parameter) + block.begin,
        .gradient = static_cast<const T*>(item.gradient) + block.begin,
        .count = block.count};
    for (int i = 0; i < Kernel::kStates; ++i) {
      if (item.state[i] != nullptr) arrays.state[i] = static_cast<T*>(item.state[i]) + block.begin;
    }
    kernels::optimizer_step(items_.options()[item.group], item.step, gradient_factor, arrays);
  }

  void step_rounded(const Item& item, const Block& block,
                    double gradient_factor) const requires kernels::HasMoments<Kernel> {
    kernels::RoundedArrays<Kernel> arrays = {.parameter = static_cast<float*>(item.parameter),
                                             .gradient = static_cast<const float*>(item.gradient),
                                             .begin = block.begin,
                                             .end = block.begin + block.count,
                                             .seed = items_.seed_of(item.index)};
    std::copy(item.state.begin(), item.state.end(), arrays.state);
    kernels::optimizer_step(items_.options()[item.group], item.step, gradient_factor, arrays);
  }

  FusedItems<Rule> items_;
  // Kept only to reuse their memory in the next step.
  std::vector<int64_t> counts_;
  std::vector<Block> blocks_;
};

}  // namespace accelerate::internal
