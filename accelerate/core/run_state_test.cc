// What a run goes on from: a state that was saved between two steps, and loaded into a run that was
// prepared in the same way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// A run with everything that has a state.
struct TrainingRun {
  explicit TrainingRun(uint64_t seed)
      : session(internal::make_session<MultiCpu, Fp16>(
            {.gradient_accumulation_steps = 2,
             .loss_scale = {.init_scale = 8, .growth_interval = 2}})),
        net(made(seed)),
        adamw(net->parameters(), torch::optim::AdamWOptions(0.1)),
        schedule(adamw, {.step_size = 2, .gamma = 0.5}),
        model(internal::prepare_one(session, net)),
        optimizer(internal::prepare_one(session, adamw)),
        scheduler(internal::prepare_one(session, schedule)),
        loader(internal::prepare_one(
            session, DataLoader(Line(64, at::kFloat), {.batch_size = 2, .shuffle = true}))) {}

  static torch::nn::Sequential made(uint64_t seed) {
    torch::manual_seed(seed);
    return torch::nn::Sequential(torch::nn::Linear(1, 8), torch::nn::BatchNorm1d(8),
                                 torch::nn::Dropout(0.25), torch::nn::Linear(8, 1));
  }

  // From where the loader is, for as long as the function says.
  template <class Function>
  void train(Function&& goes_on) {
    for (auto& batch : loader) {
      session->updates().begin_batch();
      AccumulateScope scope(internal::part_of(session, session->accumulation()), {});
      optimizer.zero_grad();
      session->backward_pass().run(torch::mse_loss(model(batch.data), batch.target), {});
      optimizer.step();
      scheduler.step();
      if (!goes_on()) break;
    }
  }

  // Copies, as a file would hold them.
  std::vector<State> save() {
    std::vector<State> all;
    for (Stateful* part : session->parts()) {
      const State saved = part->save();
      State copy;
      for (const auto& [name, value] : saved.values()) {
        const auto* tensor = std::get_if<at::Tensor>(&value);
        copy.set(name, tensor != nullptr ? tensor->clone() : value);
      }
      all.push_back(std::move(copy));
    }
    return all;
  }
  void load(const std::vector<State>& states) {
    const auto parts = session->parts();
    ASSERT_EQ(parts.size(), states.size());
    for (size_t i = 0; i < parts.size(); ++i) parts[i]->load(states[i]);
  }

  std::shared_ptr<Session> session;
  torch::nn::Sequential net;
  torch::optim::AdamW adamw;
  StepLR schedule;
  PreparedModel<torch::nn::SequentialImpl> model;
  PreparedOptimizer optimizer;
  PreparedScheduler scheduler;
  DataLoader<Line> loader;
};

TEST(RunState, LetsAnotherRunGoOnBitForBit) {
  TrainingRun run(1);
  std::vector<State> saved;
  std::vector<double> expected, scales;
  int batches = 0;
  run.train([&] {
    // Within a pass, where a window of two batches has ended.
    if (++batches == 4) saved = run.save();
    if (batches > 4) expected.push_back(run.session->loss_scale()->value());
    return batches < 8;
  });
  TrainingRun other(2);
  other.load(saved);
  other.train([&] {
    scales.push_back(other.session->loss_scale()->value());
    return scales.size() < 4;
  });
  EXPECT_EQ(scales, expected);
  EXPECT_EQ(largest_difference(*other.net, *run.net), 0);
  EXPECT_TRUE(torch::equal(other.net->buffers()[0], run.net->buffers()[0]));
  EXPECT_EQ(other.adamw.param_groups()[0].options().get_lr(),
            run.adamw.param_groups()[0].options().get_lr());
}

TEST(RunState, NamesWhatDoesNotFit) {
  TrainingRun run(1);
  auto two_batches = [batches = 0]() mutable { return ++batches % 2 != 0; };
  run.train(two_batches);
  const std::vector<State> saved = run.save();
  State models = saved[0];
  models.set("0.0.weight", torch::zeros({3, 1}));
  const at::Tensor before = run.net->parameters()[0].detach().clone();
  EXPECT_THAT(message_of([&] { run.session->models().load(models); }),
              HasSubstr("load the state of the same model"));
  EXPECT_TRUE(torch::equal(run.net->parameters()[0], before));
  EXPECT_THAT(message_of([&] { run.session->optimizers().load({}); }), HasSubstr("has no `kind`"));
  // Models that it has and the others have not, and another type.
  models = saved[0];
  models.set("0.9.weight", torch::zeros({1}));
  EXPECT_THAT(message_of([&] { run.session->models().load(models); }),
              HasSubstr("load the state of the same models"));
  models = saved[0];
  models.set("0.0.weight", saved[0].tensor("0.0.weight").to(at::kDouble));
  EXPECT_THAT(message_of([&] { run.session->models().load(models); }), HasSubstr("Double"));
}

// A run of one weight, with an optimizer of this type.
template <class Optimizer>
struct Weight {
  template <class Options>
  explicit Weight(const Options& options)
      : session(internal::make_session<MultiCpu, Fp32>({.gradient_accumulation_steps = 2})),
        net(torch::nn::LinearOptions(1, 1).bias(false)),
        own(net->parameters(), options),
        model(internal::prepare_one(session, net)),
        optimizer(internal::prepare_one(session, own)) {}
  void batch() {
    session->updates().begin_batch();
    AccumulateScope scope(internal::part_of(session, session->accumulation()), {});
    optimizer.zero_grad();
    session->backward_pass().run(model(torch::ones({1, 1})).sum(), {});
    optimizer.step();
  }
  std::shared_ptr<Session> session;
  torch::nn::Linear net;
  Optimizer own;
  PreparedModel<torch::nn::LinearImpl> model;
  PreparedOptimizer optimizer;
};

TEST(RunState, BringsBackAnOptimizerThatHadNotStepped) {
  Weight<torch::optim::AdamW> run(torch::optim::AdamWOptions(0.1));
  const State at_first = run.session->optimizers().save();
  run.batch(), run.batch();
  EXPECT_EQ(run.own.state().size(), 1);
  run.session->optimizers().load(at_first);
  EXPECT_EQ(run.own.state().size(), 0);
}

TEST(RunState, IsOfOneKindOfOptimizer) {
  Weight<torch::optim::Adam> adam(torch::optim::AdamOptions(0.1));
  Weight<torch::optim::AdamW> adamw(torch::optim::AdamWOptions(0.1));
  adam.batch(), adam.batch();
  EXPECT_THAT(
      message_of([&] { adamw.session->optimizers().load(adam.session->optimizers().save()); }),
      HasSubstr("load the state of the same optimizer"));
}

TEST(RunState, IsRefusedWhileAWindowIsOpen) {
  Weight<torch::optim::SGD> run(torch::optim::SGDOptions(0.1));
  run.batch();
  EXPECT_THAT(message_of([&] { run.session->accumulation().save(); }),
              HasSubstr("1 of 2 batches wait for the rest of their window"));
  run.batch();
  run.session->accumulation().save();
}

TEST(RunState, HoldsWhatAPlateauSchedulerHasSeen) {
  const auto session = internal::make_session<MultiCpu, Fp32>({});
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  ReduceLROnPlateau plateau(sgd, {.factor = 0.5, .patience = 1});
  StepLR schedule(sgd, {.step_size = 1});
  auto optimizer = internal::prepare_one(session, sgd);
  auto observer = internal::prepare_one(session, plateau);
  auto scheduler = internal::prepare_one(session, schedule);
  observer.step(1);
  observer.step(1);
  const State saved = session->schedules().save();
  const SchedulerState expected = plateau.state(), steps = schedule.state();
  for (int i = 0; i < 3; ++i) observer.step(2), scheduler.step();
  // Also back.
  session->schedules().load(saved);
  EXPECT_EQ(plateau.state(), expected);
  EXPECT_EQ(schedule.state(), steps);
}

}  // namespace
}  // namespace accelerate
