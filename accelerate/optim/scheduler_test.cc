// What the base class promises, and what the schedulers refuse.
#include "accelerate/optim/scheduler.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::Optimizer;
using torch::optim::OptimizerParamGroup;
using torch::optim::SGDOptions;
using Rates = std::vector<double>;

std::unique_ptr<Optimizer> sgd(const Rates& rates = {0.1, 0.02}) {
  std::vector<OptimizerParamGroup> groups;
  for (const double rate : rates) {
    groups.emplace_back(std::vector<torch::Tensor>{torch::zeros({1})},
                        std::make_unique<SGDOptions>(rate));
  }
  return std::make_unique<torch::optim::SGD>(groups, SGDOptions(1));
}

void set_rates(Optimizer& optimizer, const Rates& rates) {
  for (std::size_t i = 0; i < rates.size(); ++i) {
    optimizer.param_groups().at(i).options().set_lr(rates[i]);
  }
}

TEST(SchedulerTest, ActsOnTheParamGroupsOfTheUser) {
  auto optimizer = sgd();
  StepLR scheduler(*optimizer, {.step_size = 1, .gamma = 0.5});
  scheduler.step();
  auto& options = dynamic_cast<SGDOptions&>(optimizer->param_groups()[1].options());
  EXPECT_EQ(options.lr(), 0.01);
  options.lr(3.0);
  EXPECT_EQ(scheduler.rates(), (Rates{0.05, 3.0}));
}

TEST(SchedulerTest, OnlyOneCycleEnds) {
  auto optimizer = sgd();
  EXPECT_EQ(LinearDecay(*optimizer, {.total_steps = 5}).total_steps(), std::nullopt);
  EXPECT_EQ(OneCycle(*optimizer, {.max_lr = 1, .total_steps = 5}).total_steps(), 5);
}

TEST(SchedulerTest, ParamGroupsAddedLater) {
  auto optimizer = sgd({1.0});
  StepLR chainable(*optimizer, {.step_size = 1, .gamma = 0.5});
  ReduceLROnPlateau plateau(*optimizer, {.factor = 0.5, .patience = 0});
  LambdaLR closed(*optimizer, [](int64_t) { return 1.0; });
  optimizer->add_param_group(OptimizerParamGroup({torch::zeros({1})}));
  set_rates(*optimizer, {1.0, 8.0});
  chainable.step();
  EXPECT_EQ(chainable.rates(), (Rates{0.5, 4.0}));
  plateau.step(1.0);
  plateau.step(1.0);
  EXPECT_EQ(plateau.rates(), (Rates{0.25, 2.0}));
  EXPECT_THAT(message_of([&] { closed.step(); }), HasSubstr("Add all param groups before"));
}

TEST(SchedulerTest, NoticesThatTheOptimizerWasMoved) {
  torch::optim::SGD optimizer({torch::zeros({1})}, SGDOptions(0.1));
  StepLR scheduler(optimizer, {.step_size = 1});
  const torch::optim::SGD moved(std::move(optimizer));
  EXPECT_THAT(message_of([&] { scheduler.step(); }), HasSubstr("Do not move"));
}

// It says so beforehand as well, and stays as it is.
void expect_state_refused(Scheduler& scheduler, const SchedulerState& state,
                          const std::string& reason) {
  const SchedulerState before = scheduler.state();
  const std::string error = message_of([&] { scheduler.load_state(state); });
  EXPECT_THAT(error, HasSubstr(reason));
  EXPECT_EQ(message_of([&] { scheduler.check_state(state); }), error);
  EXPECT_EQ(scheduler.state(), before);
}

TEST(SchedulerTest, RefusesStatesThatDoNotFit) {
  auto optimizer = sgd();
  auto smaller = sgd({0.1});
  LinearDecay linear(*optimizer, {.total_steps = 5});
  linear.step();
  const SchedulerState before = linear.state();
  const auto refuses = [&](const SchedulerState& state, const std::string& reason) {
    expect_state_refused(linear, state, reason);
  };
  refuses(CosineDecay(*sgd(), {.total_steps = 5}).state(), "cannot be loaded into a LinearDecay");
  refuses(LinearDecay(*smaller, {.total_steps = 5}).state(), "with 1 param groups");
  for (const std::string name : {"last_epoch", "rates", "initial_rates"}) {
    SchedulerState damaged = before;
    damaged.values.erase(name);
    refuses(damaged, name);
  }
  for (const double epoch : {-1.0, 0.5, 1e300, std::nan("")}) {
    SchedulerState damaged = before;
    damaged.values["last_epoch"] = {epoch};
    refuses(damaged, "last_epoch");
  }
}

TEST(SchedulerTest, ChecksAStateWithoutTakingIt) {
  auto optimizer = sgd();
  OneCycle cycle(*optimizer, {.max_lr = 1, .total_steps = 9});
  ReduceLROnPlateau plateau(*optimizer, {.patience = 0});
  const SchedulerState of_cycle = cycle.state(), of_plateau = plateau.state();
  cycle.step();
  plateau.step(1);
  const SchedulerState cycle_now = cycle.state(), plateau_now = plateau.state();
  cycle.check_state(of_cycle);
  plateau.check_state(of_plateau);
  EXPECT_EQ(cycle.state(), cycle_now);
  EXPECT_EQ(plateau.state(), plateau_now);
}

TEST(SchedulerTest, RefusesWhatIsWrongOfOneKindAlone) {
  auto optimizer = sgd();
  OneCycle cycle(*optimizer, {.max_lr = 1, .total_steps = 9});
  SchedulerState damaged = cycle.state();
  cycle.step();
  damaged.values["momentum"] = {0.9};
  expect_state_refused(cycle, damaged, "1 values for momentum instead of 2");
  ReduceLROnPlateau plateau(*optimizer);
  for (const std::string name : {"best", "bad_steps", "cooldown_left"}) {
    damaged = plateau.state();
    damaged.values[name] = {0.5, 0.5};
    expect_state_refused(plateau, damaged, "2 values for " + name);
  }
}

TEST(SchedulerTest, OptionsOfTheProgramBeatThoseOfTheSavedRun) {
  auto optimizer = sgd({1.0});
  LinearDecay shorter(*optimizer, {.total_steps = 4});
  shorter.step();
  auto other = sgd({5.0});
  LinearDecay longer(*other, {.total_steps = 8});
  longer.load_state(shorter.state());
  longer.step();
  EXPECT_EQ(longer.rates(), Rates{0.75});
}

TEST(SchedulerTest, LoadedFromMoreParamGroupsThanItWasMadeForSaysSo) {
  auto saved_optimizer = sgd({1.0, 1.0});
  LinearDecay saved(*saved_optimizer, {.total_steps = 4});
  auto optimizer = sgd({1.0});
  LinearDecay scheduler(*optimizer, {.total_steps = 4});
  optimizer->add_param_group(sgd({1.0})->param_groups()[0]);
  scheduler.load_state(saved.state());
  EXPECT_THAT(message_of([&] { scheduler.step(); }),
              HasSubstr("Add all param groups before you construct the scheduler"));
}

TEST(SchedulerTest, OneCycleRefusesStatesBeyondItsEnd) {
  auto optimizer = sgd();
  OneCycle longer(*optimizer, {.max_lr = 1, .total_steps = 9});
  for (int i = 0; i < 6; ++i) longer.step();
  auto other = sgd();
  OneCycle shorter(*other, {.max_lr = 1, .total_steps = 5});
  expect_state_refused(shorter, longer.state(), "as many total_steps");
}

TEST(SchedulerTest, OneCycleKnowsTheMomentaOfAllOptimizers) {
  const OneCycleOptions options{.max_lr = 1, .total_steps = 9};
  const std::vector<torch::Tensor> params{torch::zeros({1})};
  torch::optim::Adam adam(params);
  OneCycle with_adam(adam, options);
  const auto& betas = dynamic_cast<torch::optim::AdamOptions&>(adam.param_groups()[0].options());
  EXPECT_EQ(std::get<0>(betas.betas()), 0.95);
  torch::optim::RMSprop rmsprop(params);
  OneCycle with_rmsprop(rmsprop, options);
  EXPECT_EQ(with_rmsprop.state().values.at("momentum"), Rates{0.95});
  torch::optim::Adagrad adagrad(params);
  EXPECT_THAT(message_of([&] { OneCycle(adagrad, options); }), HasSubstr("cycle_momentum = false"));
  OneCycle(adagrad, {.max_lr = 1, .total_steps = 9, .cycle_momentum = false}).step();
}

TEST(SchedulerTest, PlateauNeedsAMetric) {
  auto optimizer = sgd();
  ReduceLROnPlateau plateau(*optimizer);
  Scheduler& scheduler = plateau;
  EXPECT_THAT(message_of([&] { scheduler.step(); }), HasSubstr("Call step(metric)"));
  EXPECT_EQ(plateau.last_epoch(), 0);
}

class InverseRoot final : public Scheduler {
 public:
  InverseRoot(Optimizer& optimizer, bool started) : Scheduler(optimizer, "InverseRoot") {
    if (started) start();
  }

 private:
  std::vector<double> next_rates(int64_t epoch) const override {
    auto rates = initial_rates();
    for (double& rate : rates) rate /= std::sqrt(epoch + 1.0);
    return rates;
  }
};

TEST(SchedulerTest, CanBeOnesOwn) {
  auto optimizer = sgd({1.0});
  InverseRoot scheduler(*optimizer, true);
  for (int i = 0; i < 3; ++i) scheduler.step();
  EXPECT_EQ(scheduler.rates(), Rates{0.5});
  InverseRoot forgotten(*optimizer, false);
  EXPECT_THAT(message_of([&] { forgotten.step(); }), HasSubstr("Call start()"));
}

// One that says only when it loads what it refuses.
class Late final : public Scheduler {
 public:
  explicit Late(Optimizer& optimizer) : Scheduler(optimizer, "Late") { start(); }

 private:
  std::vector<double> next_rates(int64_t) const override { return initial_rates(); }
  void load_from(const SchedulerState&) override { TORCH_CHECK(false, "too late"); }
};

TEST(SchedulerTest, OfOnesOwnNeedsNoCheck) {
  auto optimizer = sgd();
  Late late(*optimizer);
  const SchedulerState begin = late.state();
  late.step();
  const SchedulerState before = late.state();
  late.check_state(begin);
  EXPECT_EQ(message_of([&] { late.load_state(begin); }), "too late");
  EXPECT_EQ(late.state(), before);
}

template <class SchedulerType, class Options>
void expect_refused(const Options& options, const std::string& reason) {
  auto optimizer = sgd();
  const std::string error = message_of([&] { SchedulerType(*optimizer, options); });
  EXPECT_THAT(error, HasSubstr(reason));
  EXPECT_EQ(optimizer->param_groups()[0].options().get_lr(), 0.1);
  EXPECT_EQ(dynamic_cast<SGDOptions&>(optimizer->param_groups()[0].options()).momentum(), 0);
}

TEST(OptionsTest, Lambda) {
  const RateFactor one = [](int64_t) { return 1.0; };
  expect_refused<LambdaLR>(RateFactor(), "the function is empty");
  expect_refused<LambdaLR>(std::vector<RateFactor>{one}, "got 1 functions for 2 param groups");
  expect_refused<LambdaLR>(std::vector<RateFactor>{one, {}}, "param group 1 is empty");
}

TEST(OptionsTest, Step) {
  expect_refused<StepLR>(StepLROptions{}, "step_size is 0");
  expect_refused<StepLR>(StepLROptions{.step_size = -3}, "step_size is -3");
  expect_refused<StepLR>(StepLROptions{.step_size = 3, .gamma = -1}, "gamma is -1");
}

TEST(OptionsTest, LinearAndCosine) {
  expect_refused<LinearDecay>(LinearDecayOptions{}, "LinearDecay: total_steps is 0");
  expect_refused<LinearDecay>(LinearDecayOptions{.warmup_steps = -1, .total_steps = 3},
                              "warmup_steps is -1");
  expect_refused<CosineDecay>(CosineDecayOptions{.total_steps = -5}, "total_steps is -5");
  expect_refused<CosineDecay>(CosineDecayOptions{.warmup_steps = -1, .total_steps = 3},
                              "CosineDecay: warmup_steps is -1");
  expect_refused<CosineDecay>(CosineDecayOptions{.total_steps = 3, .num_cycles = -0.5},
                              "num_cycles is -0.5");
}

TEST(OptionsTest, OneCycle) {
  const auto refused = [](const std::function<void(OneCycleOptions&)>& change,
                          const std::string& reason) {
    OneCycleOptions options{.max_lr = 0.1, .total_steps = 10};
    change(options);
    expect_refused<OneCycle>(options, reason);
  };
  refused([](auto& o) { o.total_steps = 0; }, "total_steps is 0");
  refused([](auto& o) { o.pct_start = 1.5; }, "pct_start is 1.5");
  refused([](auto& o) { o.pct_start = std::nan(""); }, "pct_start is nan");
  refused([](auto& o) { o.max_lr = {}; }, "max_lr has no value");
  refused([](auto& o) { o.max_lr = {1, 2, 3}; }, "max_lr has 3 values");
  refused([](auto& o) { o.max_lr = -1; }, "max_lr is -1");
  refused([](auto& o) { o.div_factor = 0; }, "OneCycle: div_factor is 0");
  refused([](auto& o) { o.final_div_factor = -2; }, "final_div_factor is -2");
  refused([](auto& o) { o.base_momentum = 1; }, "a momentum is 1");
  refused([](auto& o) { o.max_momentum = {0.9, 0.8, 0.7}; }, "max_momentum has 3 values");
  // Here PyTorch divides by zero.
  refused([](auto& o) { o.pct_start = 0.1; }, "a phase of zero length");
}

TEST(OptionsTest, Plateau) {
  using Options = ReduceLROnPlateauOptions;
  expect_refused<ReduceLROnPlateau>(Options{.factor = 1.0}, "factor is 1");
  expect_refused<ReduceLROnPlateau>(Options{.factor = -0.1}, "factor is -0.1");
  expect_refused<ReduceLROnPlateau>(Options{.patience = -1}, "patience is -1");
  expect_refused<ReduceLROnPlateau>(Options{.threshold = -1}, "threshold is -1");
  expect_refused<ReduceLROnPlateau>(Options{.cooldown = -1}, "cooldown is -1");
  expect_refused<ReduceLROnPlateau>(Options{.min_lr = {1, 2, 3}}, "min_lr has 3 values");
  expect_refused<ReduceLROnPlateau>(Options{.min_lr = -1}, "min_lr is -1");
  expect_refused<ReduceLROnPlateau>(Options{.eps = std::numeric_limits<double>::infinity()},
                                    "eps is inf");
}

}  // namespace
}  // namespace accelerate
