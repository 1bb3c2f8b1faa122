// Which calls of a captured step run, which are recorded and which replay, with a device whose
// graphs only count; what graphs really do is tested on a GPU.
#include "accelerate/capture/captured_step.h"

#include <torch/torch.h>

#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/capture/graph_replay.h"
#include "accelerate/core/test_helpers.h"
#include "accelerate/engine/scopes.h"
#include "accelerate/optim/lambda_lr.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

struct Counts {
  int runs = 0;
  int recordings = 0;
  int replays = 0;
  bool recording = false;
};

class CountedGraph : public Graph {
 public:
  explicit CountedGraph(Counts& counts) : counts_(counts) {}
  void replay() override { ++counts_.replays; }

 private:
  Counts& counts_;
};

class CountingRecorder : public GraphRecorder {
 public:
  explicit CountingRecorder(Counts& counts) : counts_(counts) {}
  void run(const std::function<void()>& work) override {
    ++counts_.runs;
    work();
  }
  std::unique_ptr<Graph> record(const std::function<void()>& work) override {
    counts_.recording = true;
    work();
    counts_.recording = false;
    ++counts_.recordings;
    return std::make_unique<CountedGraph>(counts_);
  }

 private:
  Counts& counts_;
};

class CapturedStepTest : public testing::Test {
 protected:
  template <class Function>
  CapturedStep<Function> capture(Function function, const CaptureOptions& options = {}) {
    return {std::move(function),
            std::make_shared<StepKinds>(
                session_, options,
                graph_replays(session_, std::make_unique<CountingRecorder>(counts_)))};
  }

  std::shared_ptr<Session> session_ = internal::make_session<MultiCpu, Fp32>({});
  Counts counts_;
};

TEST_F(CapturedStepTest, RunsThenRecordsThenReplays) {
  int calls = 0;
  auto step = capture([&](const at::Tensor& x) {
    ++calls;
    return x * 2;
  });
  for (int i = 0; i < 10; ++i) step(at::full({2}, i));
  EXPECT_EQ(counts_.runs, 3);
  EXPECT_EQ(counts_.recordings, 1);
  EXPECT_EQ(counts_.replays, 7);
  EXPECT_EQ(calls, 4);
  EXPECT_FALSE(step.refusal().has_value());
}

TEST_F(CapturedStepTest, GivesTheRecordingItsInputsAndCopiesWhatItReturns) {
  at::Tensor seen;
  auto step = capture([&](std::pair<at::Tensor, int>& input) {
    seen = input.first;
    return std::tuple(input.first, input.second);
  });
  for (int i = 0; i < 4; ++i) step(std::pair(at::full({2}, i), 5));
  const auto [first, five] = step(std::pair(at::full({2}, 8), 5));
  const auto second = std::get<0>(step(std::pair(at::full({2}, 9), 5)));
  EXPECT_EQ(seen[0].item<int>(), 9);
  EXPECT_EQ(first[0].item<int>(), 8);
  EXPECT_EQ(second[0].item<int>(), 9);
  EXPECT_EQ(five, 5);
}

TEST_F(CapturedStepTest, RecordsEachKindOfInputs) {
  if (session_->process().world_size > 1) GTEST_SKIP() << "of one process";
  auto step = capture([](const at::Tensor& x, double) { return x * 2; }, {.max_recordings = 3});
  for (int i = 0; i < 5; ++i) step(at::ones({2}), 0);
  EXPECT_EQ(counts_.recordings, 1);
  // One run as a warm-up is enough for another shape, and for another number.
  for (int i = 0; i < 2; ++i) step(at::ones({3}), 1e-7);
  for (int i = 0; i < 2; ++i) step(at::ones({3}), 2e-7);
  EXPECT_EQ(counts_.recordings, 3);
  EXPECT_EQ(counts_.runs, 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(at::ones({4}), 0).numel(), 4);
  EXPECT_EQ(counts_.recordings, 3);
  EXPECT_EQ(counts_.runs, 5);
  step(at::ones({2}), 0);
  EXPECT_EQ(counts_.recordings, 3);
}

// A rank that recorded in another call than the others would wait for them.
TEST_F(CapturedStepTest, RecordsOnceOnSeveralProcesses) {
  if (session_->process().world_size == 1) GTEST_SKIP() << "of several processes";
  auto step = capture([](const at::Tensor& x) { return x * 2; });
  // One rank has two kinds before the recording.
  const int first = session_->process().rank == 0 ? 2 : 3;
  for (const int size : {3, first, 3, 3}) step(at::ones({size}));
  EXPECT_EQ(counts_.recordings, 1);
  for (const int size : {3, 2, 4, 2, 3}) EXPECT_EQ(step(at::ones({size})).numel(), size);
  EXPECT_EQ(counts_.recordings, 1);
  EXPECT_EQ(counts_.replays, 3);
}

TEST_F(CapturedStepTest, RecordsAnewWhenWhatItWorksOnHasMoved) {
  if (session_->process().world_size > 1) GTEST_SKIP() << "of one process";
  torch::nn::Sequential net(torch::nn::Linear(1, 2), torch::nn::BatchNorm1d(2));
  auto model = session_->models().add(net.ptr(), /*owned=*/true);
  auto step = capture([&](const at::Tensor& x) { return net->forward(x).detach(); });
  for (int i = 0; i < 5; ++i) step(at::ones({4, 1}));
  EXPECT_EQ(counts_.recordings, 1);
  std::stringstream saved;
  torch::save(net, saved);
  torch::load(net, saved);
  for (int i = 0; i < 3; ++i) step(at::ones({4, 1}));
  EXPECT_EQ(counts_.recordings, 2);
  // What is frozen is not trained by an older recording.
  net->parameters()[0].set_requires_grad(false);
  for (int i = 0; i < 3; ++i) step(at::ones({4, 1}));
  EXPECT_EQ(counts_.recordings, 3);
  net->children()[1]->eval();
  for (int i = 0; i < 3; ++i) step(at::ones({4, 1}));
  EXPECT_EQ(counts_.recordings, 4);
}

TEST_F(CapturedStepTest, AdvancesSchedulesInEachReplay) {
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 1.0);
  LambdaLR halved(sgd, [](int64_t step) { return std::pow(0.5, step); });
  PreparedScheduler scheduler(internal::part_of(session_, session_->schedules()), nullptr, halved);
  auto step = capture([&](const at::Tensor& x) {
    scheduler.step();
    return x;
  });
  const int world_size = session_->process().world_size;
  for (int i = 1; i <= 8; ++i) {
    step(at::ones({1}));
    EXPECT_EQ(halved.step_count(), 1 + i * world_size) << i;
  }
  EXPECT_EQ(counts_.replays, 5);
}

TEST_F(CapturedStepTest, RunsAsItIsWhereItCannotBeRecorded) {
  auto net = small_net();
  auto model = session_->models().add(net.ptr(), /*owned=*/true);
  torch::optim::SGD sgd(net->parameters(), 0.125);
  auto optimizer = session_->optimizers().add(sgd);
  auto twin = small_net();
  copy_parameters(*net, *twin);
  torch::optim::SGD of_twin(twin->parameters(), 0.125);
  auto step = capture([&](const at::Tensor& x) {
    session_->updates().zero_grad(*optimizer, true);
    const at::Tensor loss = net->forward(x).square().mean();
    session_->backward_pass().run(loss, {});
    if (std::exchange(counts_.recording, false))
      throw std::runtime_error("a value was read on the host");
    session_->updates().step(*optimizer);
    return loss.detach();
  });
  for (int i = 0; i < 6; ++i) {
    const at::Tensor x = at::full({4, 1}, 0.25 * i);
    of_twin.zero_grad();
    const at::Tensor loss = twin->forward(x).square().mean();
    loss.backward();
    of_twin.step();
    EXPECT_NEAR(step(x).item<double>(), loss.item<double>(), 1e-6);
  }
  EXPECT_EQ(counts_.replays, 0);
  EXPECT_EQ(step.refusal(), "a value was read on the host");
  EXPECT_LT(largest_difference(*net, *twin), 1e-6);
}

// Whether the scope is in the step or around it.
TEST_F(CapturedStepTest, DoesNotAccumulateOverBatches) {
  session_->accumulation().set_num_steps(2);
  auto step = capture([&](const at::Tensor& x) { return x; });
  for (int i = 0; i < 4; ++i) {
    session_->updates().begin_batch();
    step(at::ones({1}));
  }
  EXPECT_THAT(*step.refusal(), HasSubstr("several batches"));
  EXPECT_EQ(counts_.recordings, 0);
}

TEST_F(CapturedStepTest, RunsAsItIsWithinNoSync) {
  auto net = small_net();
  auto model = session_->models().add(net.ptr(), /*owned=*/true);
  auto step = capture([&](const at::Tensor& x) { return x; });
  for (int i = 0; i < 3; ++i) step(at::ones({1}));
  {
    NoSyncScope scope({model});
    step(at::ones({1}));
    EXPECT_EQ(counts_.recordings + counts_.replays, 0);
  }
  step(at::ones({1}));
  EXPECT_EQ(counts_.recordings, 1);
}

// Uneven inputs: a rank that replays would not tell the others that it still has data.
TEST_F(CapturedStepTest, RunsAsItIsAmongUnevenInputs) {
  if (session_->process().world_size == 1) GTEST_SKIP() << "of several processes";
  auto step = capture([&](const at::Tensor& x) { return x; });
  for (int i = 0; i < 5; ++i) step(at::ones({1}));
  EXPECT_EQ(counts_.replays, 2);
  {
    JoinScope scope(internal::part_of(session_, session_->uneven_inputs()),
                    session_->active_loaders(), {});
    step(at::ones({1}));
    EXPECT_EQ(counts_.replays, 2);
  }
  step(at::ones({1}));
  EXPECT_TRUE(step.refusal().has_value());
}

// A graph that adds to a gradient, and one that begins it, are two.
TEST_F(CapturedStepTest, KnowsWhetherThereAreGradientsWhenItBegins) {
  if (session_->process().world_size > 1) GTEST_SKIP() << "of one process";
  auto net = small_net();
  auto model = session_->models().add(net.ptr(), /*owned=*/true);
  auto step = capture(
      [&](const at::Tensor& x) { session_->backward_pass().run(net->forward(x).sum(), {}); });
  const auto call = [&](bool afresh) {
    if (afresh) net->zero_grad();
    step(at::ones({2, 1}));
  };
  for (int i = 0; i < 5; ++i) call(/*afresh=*/true);
  EXPECT_EQ(counts_.recordings, 1);
  for (int i = 0; i < 3; ++i) call(/*afresh=*/false);
  EXPECT_EQ(counts_.recordings, 2);
  // Of other memory than the recording adds to.
  for (const auto& parameter : net->parameters())
    parameter.mutable_grad() = at::zeros_like(parameter.detach());
  const int replays = counts_.replays;
  call(/*afresh=*/false);
  EXPECT_EQ(counts_.replays, replays);
}

TEST_F(CapturedStepTest, TakesNoInputsFromElsewhere) {
  auto step = capture([&](const at::Tensor& x) { return x; });
  for (int i = 0; i < 4; ++i) step(at::ones({1}, at::kMeta));
  EXPECT_THAT(*step.refusal(), HasSubstr("not on the device"));
}

TEST_F(CapturedStepTest, DoesNotSayInTheStepWhetherItWasSkipped) {
  auto step = capture([&](const at::Tensor& x) {
    session_->optimizers().step_was_skipped();
    return x;
  });
  for (int i = 0; i < 4; ++i) step(at::ones({1}));
  EXPECT_THAT(*step.refusal(), HasSubstr("outside of the captured step"));
}

TEST(Capture, RunsTheStepAsItIsWhereTheDeviceHasNoGraphs) {
  const auto session = internal::make_session<MultiCpu, Fp32>({});
  const auto plus_one = [](const at::Tensor& x) { return x + 1; };
  CapturedStep step(plus_one, std::make_shared<StepKinds>(session, CaptureOptions{},
                                                          graph_replays(session, nullptr)));
  EXPECT_EQ(step(at::ones({1})).item<double>(), 2);
  EXPECT_EQ(step.refusal(), "this device has no graphs");
}

TEST(Capture, RefusesOptionsThatMakeNoSense) {
  Full accelerator;
  const auto step = [](const at::Tensor& x) { return x; };
  EXPECT_THAT(message_of([&] { accelerator.capture(step, {.warm_up_steps = 0}); }),
              HasSubstr("warm_up_steps is 0"));
  EXPECT_THROW(accelerator.capture(step, {.max_recordings = 0}), c10::Error);
}

}  // namespace
}  // namespace accelerate
