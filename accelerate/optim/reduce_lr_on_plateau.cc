#include "accelerate/optim/reduce_lr_on_plateau.h"

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace accelerate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(torch::optim::Optimizer& optimizer,
                                     const ReduceLROnPlateauOptions& options)
    : Scheduler(optimizer, "ReduceLROnPlateau"),
      options_(options),
      worst_(options.mode == PlateauMode::min ? kInfinity : -kInfinity),
      progress_{.best = worst_} {
  TORCH_CHECK(options.factor >= 0 && options.factor < 1, "ReduceLROnPlateau: factor is ",
              options.factor, ". Set it to at least 0 and below 1, such as 0.1.");
  for (const auto& [name, count] :
       {std::pair{"patience", options.patience}, std::pair{"cooldown", options.cooldown}}) {
    TORCH_CHECK(count >= 0, "ReduceLROnPlateau: ", name, " is ", count,
                ". Set it to a number of steps, at least 0.");
  }
  for (const auto& [name, amount] :
       {std::pair{"threshold", options.threshold}, std::pair{"eps", options.eps}}) {
    TORCH_CHECK(std::isfinite(amount) && amount >= 0, "ReduceLROnPlateau: ", name, " is ", amount,
                ". Set it to at least 0.");
  }
  for (const double rate : options.min_lr.expand(groups().size(), "ReduceLROnPlateau: min_lr")) {
    TORCH_CHECK(std::isfinite(rate) && rate >= 0, "ReduceLROnPlateau: min_lr is ", rate,
                ". Set it to the lowest learning rate, at least 0.");
  }
  start();
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const double best = progress_.best;
  const bool relative = options_.threshold_mode == ThresholdMode::rel;
  if (options_.mode == PlateauMode::min) {
    return metric < (relative ? best * (1.0 - options_.threshold) : best - options_.threshold);
  }
  return metric > (relative ? best * (options_.threshold + 1.0) : best + options_.threshold);
}

std::vector<double> ReduceLROnPlateau::next_rates(int64_t epoch) const {
  TORCH_CHECK(epoch == 0,
              "ReduceLROnPlateau was stepped without a metric. Call step(metric) with the value "
              "that should improve.");
  return rates();
}

void ReduceLROnPlateau::step(double metric) {
  const auto lowest = options_.min_lr.expand(groups().size(), "ReduceLROnPlateau: min_lr");
  Progress next = progress_;
  if (is_better(metric)) {
    next.best = metric;
    next.bad_steps = 0;
  } else {
    ++next.bad_steps;
  }
  if (next.cooldown_left > 0) {
    --next.cooldown_left;
    next.bad_steps = 0;
  }
  std::vector<double> next_rates = rates();
  if (next.bad_steps > options_.patience) {
    for (std::size_t i = 0; i < next_rates.size(); ++i) {
      const double lower = std::max(next_rates[i] * options_.factor, lowest[i]);
      if (next_rates[i] - lower > options_.eps) next_rates[i] = lower;
    }
    next.cooldown_left = options_.cooldown;
    next.bad_steps = 0;
  }
  set_rates(last_epoch() + 1, next_rates);
  progress_ = next;
}

void ReduceLROnPlateau::save_to(SchedulerState& state) const {
  // Nothing stands for the infinity of the beginning, which text formats such as JSON lack.
  auto& best = state.values["best"];
  if (progress_.best != worst_) best.push_back(progress_.best);
  state.values["bad_steps"] = {static_cast<double>(progress_.bad_steps)};
  state.values["cooldown_left"] = {static_cast<double>(progress_.cooldown_left)};
}

ReduceLROnPlateau::Progress ReduceLROnPlateau::progress_in(const SchedulerState& state) const {
  const auto found = state.values.find("best");
  const bool none = found != state.values.end() && found->second.empty();
  return {.best = none ? worst_ : field(state, "best", 1).front(),
          .bad_steps = count_field(state, "bad_steps"),
          .cooldown_left = count_field(state, "cooldown_left")};
}

void ReduceLROnPlateau::check_from(const SchedulerState& state) const { progress_in(state); }

void ReduceLROnPlateau::load_from(const SchedulerState& state) { progress_ = progress_in(state); }

}  // namespace accelerate
