// Lion of Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms": each weight moves by
// the learning rate, in the direction of the sign of an average of gradients. It keeps one average
// where Adam keeps two.
//
//   accelerate::Lion lion(net->parameters(), accelerate::LionOptions(1e-4).weight_decay(0.1));
//   auto [model, optimizer] = accelerator.prepare(net, lion);
//
// Learning rates are typically 3 to 10 times smaller than those of AdamW, and weight decays larger
// by the same factor, because the two are multiplied.
//
// When not to use it: with small batches, whose gradients are mostly noise; the sign gives all of
// them the same weight.
#pragma once

#include <torch/optim/optimizer.h>
#include <torch/types.h>

#include <tuple>
#include <utility>
#include <vector>

namespace accelerate {

// Options of Lion, for all parameters or for those of a group.
struct LionOptions : public torch::optim::OptimizerCloneableOptions<LionOptions> {
  using betas_t = std::tuple<double, double>;

  LionOptions(double lr = 1e-4) : lr_(lr) {}

  // The learning rate, which is the distance a weight moves in a step; at least 0.
  TORCH_ARG(double, lr) = 1e-4;
  // Each at least 0 and below 1: how much of the previous average enters the average whose sign is
  // the direction (first), and the average that is kept (second).
  TORCH_ARG(betas_t, betas) = {0.9, 0.99};
  // Decoupled: a step subtracts lr * weight_decay times the weight. At least 0.
  TORCH_ARG(double, weight_decay) = 0;

 public:
  double get_lr() const override { return lr(); }
  void set_lr(const double lr) override { this->lr(lr); }
  void serialize(torch::serialize::InputArchive& archive) override;
  void serialize(torch::serialize::OutputArchive& archive) const override;
};

// What Lion keeps for a parameter.
struct LionParamState : public torch::optim::OptimizerCloneableParamState<LionParamState> {
  // The average of its gradients, with the parameter's shape, type and device.
  TORCH_ARG(torch::Tensor, exp_avg);

 public:
  void serialize(torch::serialize::InputArchive& archive) override;
  void serialize(torch::serialize::OutputArchive& archive) const override;
};

// A LibTorch optimizer: groups with options of their own, schedules, torch::save() and
// torch::load() work as for any other. The Accelerator steps it in one pass over the parameters;
// step() itself makes several passes, for programs without an Accelerator.
class Lion : public torch::optim::Optimizer {
 public:
  // A group without options has the defaults. Throws c10::Error when an option is out of range.
  explicit Lion(const std::vector<torch::optim::OptimizerParamGroup>& param_groups,
                const LionOptions& defaults = LionOptions());
  explicit Lion(std::vector<torch::Tensor> parameters, const LionOptions& defaults = LionOptions())
      : Lion(std::vector{torch::optim::OptimizerParamGroup(std::move(parameters))}, defaults) {}

  // A group without options has the defaults. Throws c10::Error when an option is out of range. Not
  // through a reference to LibTorch's Optimizer, whose function of this name drops the options.
  void add_param_group(const torch::optim::OptimizerParamGroup& group);

  // Calls the closure, if there is one, then steps every parameter that has a gradient. Returns the
  // closure's loss. Throws c10::Error when a gradient is sparse.
  torch::Tensor step(LossClosure closure = nullptr) override;

  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;
};

}  // namespace accelerate
