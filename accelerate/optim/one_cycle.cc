#include "accelerate/optim/one_cycle.h"

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <cmath>
#include <numbers>
#include <string>

#include "accelerate/optim/optimizer_registry.h"

namespace accelerate {
namespace {

using torch::optim::OptimizerOptions;

// The place of the momentum in the options of a group: of `momentum` or of the first beta. Null
// where there is none.
double* momentum_in(OptimizerOptions& options) {
  for (const internal::RegisteredOptimizer& known : internal::registered_optimizers()) {
    if (double* momentum = known.momentum(options)) return momentum;
  }
  return nullptr;
}

OneCycleOptions checked(const OneCycleOptions& options) {
  TORCH_CHECK(options.total_steps > 0, "OneCycle: total_steps is ", options.total_steps,
              ". Set it to the number of steps of the whole training, at least 1.");
  TORCH_CHECK(options.pct_start >= 0 && options.pct_start <= 1, "OneCycle: pct_start is ",
              options.pct_start, ". Set it to a share from 0 to 1, such as 0.3.");
  for (const double rate : options.max_lr.values()) {
    TORCH_CHECK(std::isfinite(rate) && rate >= 0, "OneCycle: max_lr is ", rate,
                ". Set it to the largest learning rate, at least 0.");
  }
  for (const auto& [name, divisor] : {std::pair{"div_factor", options.div_factor},
                                      std::pair{"final_div_factor", options.final_div_factor}}) {
    TORCH_CHECK(std::isfinite(divisor) && divisor > 0, "OneCycle: ", name, " is ", divisor,
                ". Set it to a divisor above 0.");
  }
  for (const auto* momenta : {&options.base_momentum, &options.max_momentum}) {
    for (const double momentum : momenta->values()) {
      TORCH_CHECK(momentum >= 0 && momentum < 1, "OneCycle: a momentum is ", momentum,
                  ". Set base_momentum and max_momentum to values of at least 0 and below 1.");
    }
  }
  return options;
}

std::size_t group_count(const torch::optim::Optimizer& optimizer) {
  return optimizer.param_groups().size();
}

std::vector<double> first_rates(const torch::optim::Optimizer& optimizer,
                                const OneCycleOptions& options) {
  auto rates = options.max_lr.expand(group_count(optimizer), "OneCycle: max_lr");
  for (double& rate : rates) rate /= options.div_factor;
  return rates;
}

}  // namespace

OneCycle::OneCycle(torch::optim::Optimizer& optimizer, const OneCycleOptions& options)
    : Scheduler(optimizer, "OneCycle", first_rates(optimizer, checked(options))),
      options_(options) {
  const auto steps = static_cast<double>(options.total_steps);
  phases_.push_back({options.pct_start * steps - 1, kInitial, kPeak});
  if (options.three_phase) {
    phases_.push_back({2 * options.pct_start * steps - 2, kPeak, kInitial});
    phases_.push_back({steps - 1, kInitial, kFinal});
  } else {
    phases_.push_back({steps - 1, kPeak, kFinal});
  }

  const auto peaks = options.max_lr.expand(groups().size(), "OneCycle: max_lr");
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    const double initial = initial_rates()[i];
    rate_levels_.push_back({initial, peaks[i], initial / options.final_div_factor});
  }
  if (options.cycle_momentum) {
    const auto low = options.base_momentum.expand(groups().size(), "OneCycle: base_momentum");
    const auto high = options.max_momentum.expand(groups().size(), "OneCycle: max_momentum");
    for (std::size_t i = 0; i < groups().size(); ++i) {
      TORCH_CHECK(momentum_in(groups()[i].options()) != nullptr,
                  "OneCycle: the optimizer has no momentum and no betas to cycle. Set "
                  "cycle_momentum = false, or use SGD, RMSprop, Adam, AdamW or Lion.");
      momentum_levels_.push_back({high[i], low[i], high[i]});
    }
  }
  start();
}

OneCycle::Place OneCycle::place(int64_t epoch) const {
  const auto step = static_cast<double>(epoch);
  double start_step = 0;
  std::size_t i = 0;
  for (; i + 1 < phases_.size() && step > phases_[i].end_step; ++i) {
    start_step = phases_[i].end_step;
  }
  const Phase& phase = phases_[i];
  TORCH_CHECK(phase.end_step != start_step, "OneCycle: step ", epoch,
              " falls in a phase of zero length, with pct_start ", options_.pct_start,
              " and total_steps ", options_.total_steps, ". Choose another pct_start.");
  return {phase.start, phase.end, (step - start_step) / (phase.end_step - start_step)};
}

double OneCycle::anneal(const std::array<double, 3>& levels, const Place& at) const {
  const double start = levels[at.start];
  const double end = levels[at.end];
  if (options_.anneal == Anneal::linear) return (end - start) * at.progress + start;
  return end + (start - end) / 2.0 * (std::cos(std::numbers::pi * at.progress) + 1);
}

std::vector<double> OneCycle::next_rates(int64_t epoch) const {
  TORCH_CHECK(epoch <= options_.total_steps, "OneCycle: this would be step ", epoch, " of ",
              options_.total_steps, ". Stop stepping the scheduler, or raise total_steps.");
  const Place at = place(epoch);
  std::vector<double> rates;
  for (const auto& levels : rate_levels_) rates.push_back(anneal(levels, at));
  return rates;
}

void OneCycle::after_step(int64_t epoch) {
  if (!options_.cycle_momentum) return;
  const Place at = place(epoch);
  for (std::size_t i = 0; i < momentum_levels_.size(); ++i) {
    *momentum_in(groups()[i].options()) = anneal(momentum_levels_[i], at);
  }
}

void OneCycle::save_to(SchedulerState& state) const {
  if (!options_.cycle_momentum) return;
  auto& momenta = state.values["momentum"];
  for (auto& group : groups()) momenta.push_back(*momentum_in(group.options()));
}

void OneCycle::check_from(const SchedulerState& state) const {
  const int64_t epoch = count_field(state, "last_epoch");
  TORCH_CHECK(epoch <= options_.total_steps, "OneCycle: the state is at step ", epoch,
              ", beyond the ", options_.total_steps,
              " of this scheduler. Give it at least as many total_steps as when it was saved.");
  if (options_.cycle_momentum) field(state, "momentum", groups().size());
}

void OneCycle::load_from(const SchedulerState& state) {
  if (!options_.cycle_momentum) return;
  const std::vector<double>& momenta = state.values.at("momentum");
  for (std::size_t i = 0; i < momenta.size(); ++i) {
    *momentum_in(groups()[i].options()) = momenta[i];
  }
}

}  // namespace accelerate
