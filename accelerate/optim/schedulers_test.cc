// Compares the schedulers step by step with trajectories of the Python ones, which
// testing/recordings/record_schedules.py recorded and describes.
#include "accelerate/optim/schedulers.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace accelerate {
namespace {

using nlohmann::json;
using torch::optim::AdamWOptions;
using torch::optim::Optimizer;
using torch::optim::OptimizerParamGroup;
using torch::optim::SGDOptions;
using Rates = std::vector<double>;

constexpr double kTolerance = 1e-12;

const json& recordings() {
  static const json* const all = [] {
    std::ifstream file("accelerate/optim/testdata/schedules.json");
    TORCH_CHECK(file,
                "Cannot read accelerate/optim/testdata/schedules.json. Run the test in the "
                "root of the repository or of the runfiles.");
    return new json(json::parse(file));
  }();
  return *all;
}

void set_rates(Optimizer& optimizer, const Rates& rates) {
  for (std::size_t i = 0; i < rates.size(); ++i) {
    optimizer.param_groups().at(i).options().set_lr(rates[i]);
  }
}

template <class OptimizerType, class Options>
std::unique_ptr<Optimizer> optimizer_of(const Options& defaults, const Rates& rates) {
  std::vector<OptimizerParamGroup> groups;
  for (size_t i = 0; i < rates.size(); ++i)
    groups.emplace_back(std::vector<torch::Tensor>{torch::zeros({1})});
  auto optimizer = std::make_unique<OptimizerType>(groups, defaults);
  // Not with the groups: newer versions of LibTorch give a group whose rate is the rate that its
  // options begin with the one of `defaults` instead.
  set_rates(*optimizer, rates);
  return optimizer;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const Rates& rates) {
  if (name == "sgd") return optimizer_of<torch::optim::SGD>(SGDOptions(1).momentum(0.9), rates);
  return optimizer_of<torch::optim::AdamW>(AdamWOptions(1), rates);
}

Rates momenta_of(Optimizer& optimizer) {
  Rates momenta;
  for (auto& group : optimizer.param_groups()) {
    if (auto* options = dynamic_cast<AdamWOptions*>(&group.options())) {
      EXPECT_EQ(std::get<1>(options->betas()), 0.999);
      momenta.push_back(std::get<0>(options->betas()));
    } else {
      momenta.push_back(dynamic_cast<SGDOptions&>(group.options()).momentum());
    }
  }
  return momenta;
}

RateFactor factor_named(const std::string& name) {
  if (name == "power") return [](int64_t step) { return std::pow(0.95, step); };
  if (name == "inverse") return [](int64_t step) { return 1.0 / (1.0 + step); };
  if (name == "sqrt") return [](int64_t step) { return std::sqrt(step + 0.5); };
  throw std::out_of_range(name);
}

// Leaves the default of the option where the recording has none, so that defaults are tested too.
template <class T>
void take(const json& options, const char* name, T& option) {
  if (options.contains(name)) option = options.at(name).get<T>();
}

void take(const json& options, const char* name, PerGroup& option) {
  if (!options.contains(name)) return;
  const json& value = options.at(name);
  option = value.is_array() ? PerGroup(value.get<Rates>()) : PerGroup(value.get<double>());
}

std::unique_ptr<Scheduler> make_lambda(Optimizer& optimizer, const json& names) {
  if (names.size() == 1) return std::make_unique<LambdaLR>(optimizer, factor_named(names[0]));
  std::vector<RateFactor> factors;
  for (const auto& name : names) factors.push_back(factor_named(name));
  return std::make_unique<LambdaLR>(optimizer, factors);
}

std::unique_ptr<Scheduler> make_one_cycle(Optimizer& optimizer, const json& from) {
  OneCycleOptions options;
  take(from, "max_lr", options.max_lr);
  take(from, "total_steps", options.total_steps);
  take(from, "pct_start", options.pct_start);
  if (from.value("anneal", "cosine") == "linear") options.anneal = Anneal::linear;
  take(from, "cycle_momentum", options.cycle_momentum);
  take(from, "base_momentum", options.base_momentum);
  take(from, "max_momentum", options.max_momentum);
  take(from, "div_factor", options.div_factor);
  take(from, "final_div_factor", options.final_div_factor);
  take(from, "three_phase", options.three_phase);
  return std::make_unique<OneCycle>(optimizer, options);
}

std::unique_ptr<Scheduler> make_plateau(Optimizer& optimizer, const json& from) {
  ReduceLROnPlateauOptions options;
  if (from.value("mode", "min") == "max") options.mode = PlateauMode::max;
  take(from, "factor", options.factor);
  take(from, "patience", options.patience);
  take(from, "threshold", options.threshold);
  if (from.value("threshold_mode", "rel") == "abs") options.threshold_mode = ThresholdMode::abs;
  take(from, "cooldown", options.cooldown);
  take(from, "min_lr", options.min_lr);
  take(from, "eps", options.eps);
  return std::make_unique<ReduceLROnPlateau>(optimizer, options);
}

template <class SchedulerType, class Options>
std::unique_ptr<Scheduler> make_decay(Optimizer& optimizer, const json& from, Options options) {
  take(from, "warmup_steps", options.warmup_steps);
  take(from, "total_steps", options.total_steps);
  return std::make_unique<SchedulerType>(optimizer, options);
}

std::unique_ptr<Scheduler> make_scheduler(const json& recorded, Optimizer& optimizer) {
  const std::string kind = recorded.at("scheduler");
  const json& from = recorded.at("options");
  if (kind == "LambdaLR") return make_lambda(optimizer, from.at("functions"));
  if (kind == "OneCycle") return make_one_cycle(optimizer, from);
  if (kind == "ReduceLROnPlateau") return make_plateau(optimizer, from);
  if (kind == "LinearDecay") return make_decay<LinearDecay>(optimizer, from, LinearDecayOptions{});
  if (kind == "CosineDecay") {
    CosineDecayOptions options;
    take(from, "num_cycles", options.num_cycles);
    return make_decay<CosineDecay>(optimizer, from, options);
  }
  StepLROptions options;
  take(from, "step_size", options.step_size);
  take(from, "gamma", options.gamma);
  return std::make_unique<StepLR>(optimizer, options);
}

void expect_near(const Rates& actual, const Rates& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], kTolerance * std::abs(expected[i]))
        << what << " of group " << i;
  }
}

// Checks that the scheduler is where the recording is after `step` steps, and does what was done
// by hand then.
void expect_at(const json& recorded, std::size_t step, const Scheduler& scheduler,
               Optimizer& optimizer) {
  SCOPED_TRACE("step " + std::to_string(step));
  EXPECT_EQ(scheduler.last_epoch(), static_cast<int64_t>(step));
  EXPECT_EQ(scheduler.step_count(), static_cast<int64_t>(step) + 1);
  expect_near(scheduler.rates(), recorded.at("rates").at(step), "rate");
  if (recorded.contains("momenta")) {
    expect_near(momenta_of(optimizer), recorded.at("momenta").at(step), "momentum");
  }
  if (recorded.contains("edits")) {
    set_rates(optimizer, recorded.at("edits").value(std::to_string(step), Rates{}));
  }
}

void take_step(const json& recorded, std::size_t step, Scheduler& scheduler) {
  if (auto* plateau = dynamic_cast<ReduceLROnPlateau*>(&scheduler)) {
    const json& metric = recorded.at("metrics").at(step - 1);
    plateau->step(metric.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                   : metric.get<double>());
  } else {
    scheduler.step();
  }
}

class Recorded : public testing::TestWithParam<json> {};

TEST_P(Recorded, HasTheRatesOfEachStep) {
  const json& recorded = GetParam();
  auto optimizer = make_optimizer(recorded.at("optimizer"), recorded.at("lrs"));
  auto scheduler = make_scheduler(recorded, *optimizer);
  expect_at(recorded, 0, *scheduler, *optimizer);
  for (std::size_t step = 1; step < recorded.at("rates").size(); ++step) {
    take_step(recorded, step, *scheduler);
    expect_at(recorded, step, *scheduler, *optimizer);
  }
  if (!recorded.value("ends", false)) return;
  EXPECT_EQ(scheduler->total_steps(), scheduler->last_epoch());
  const SchedulerState before = scheduler->state();
  EXPECT_THROW(scheduler->step(), c10::Error);
  EXPECT_EQ(scheduler->state(), before);
}

// At every step, so that cooldowns and phases are cut through as well. The values travel as text,
// and the second optimizer starts with other rates.
TEST_P(Recorded, GoesOnFromASavedState) {
  const json& recorded = GetParam();
  const std::size_t steps = recorded.at("rates").size();
  for (std::size_t cut = 0; cut < steps; ++cut) {
    SCOPED_TRACE("saved after step " + std::to_string(cut));
    auto first = make_optimizer(recorded.at("optimizer"), recorded.at("lrs"));
    auto saved = make_scheduler(recorded, *first);
    for (std::size_t step = 0; step <= cut; ++step) {
      if (step > 0) take_step(recorded, step, *saved);
      expect_at(recorded, step, *saved, *first);
    }
    const SchedulerState state = saved->state();
    EXPECT_EQ(state.kind, recorded.at("scheduler").get<std::string>());

    auto second = make_optimizer(recorded.at("optimizer"), {77.0, 88.0});
    auto loaded = make_scheduler(recorded, *second);
    loaded->load_state({.kind = state.kind, .values = json::parse(json(state.values).dump())});
    EXPECT_EQ(loaded->state(), state);
    EXPECT_EQ(loaded->rates(), saved->rates());
    if (recorded.contains("momenta")) {
      EXPECT_EQ(momenta_of(*second), momenta_of(*first));
    }
    for (std::size_t step = cut + 1; step < steps; ++step) {
      take_step(recorded, step, *loaded);
      expect_at(recorded, step, *loaded, *second);
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, Recorded, testing::ValuesIn(recordings().at("cases")),
                         [](const auto& info) {
                           std::string name = info.param.at("name");
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace accelerate
