// Runs on several processes at once; every test runs on each of them.
#include "accelerate/gradients/gradient_reducer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "accelerate/comm/operations.h"
#include "accelerate/gradients/reducer_test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Passes every all-reduce on to the run's communicator, and writes down when it was asked for it.
class RecordingBackend : public c10d::Backend {
 public:
  RecordingBackend(Communicator& world, std::vector<std::string>& events)
      : Backend(world.rank(), world.size()), world_(world), events_(events) {}

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions&) override {
    events_.push_back("all-reduce " + std::to_string(count_++));
    world_.all_reduce(tensors[0], ReduceOp::kSum);
    return c10::make_intrusive<DoneWork>();
  }

 private:
  struct DoneWork : c10d::Work {
    bool wait(std::chrono::milliseconds) override { return true; }
  };
  Communicator& world_;
  std::vector<std::string>& events_;
  int count_ = 0;
};

TEST_F(GradientReducerTest, SendsBucketsInOrderWhileBackwardGoesOn) {
  std::vector<std::string> events;
  Communicator recording(c10::make_intrusive<RecordingBackend>(*world_, events), at::kCPU,
                         std::chrono::minutes(1));
  auto parameters = make_parameters({{4}, {4}, {4}});
  GradientReducer reducer(recording, parameters,
                          {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny});
  // Backward finishes p0 first, p2 last.
  for (int i : {0, 1, 2}) {
    parameters[i].tensor.register_hook(
        [&events, i](const at::Tensor&) { events.push_back("gradient of p" + std::to_string(i)); });
  }
  at::Tensor x = torch::ones({4});
  for (int i : {2, 1, 0}) x = x * parameters[i].tensor;
  reducer.begin(/*eager=*/true);
  x.sum().backward();
  events.push_back("backward ended");
  reducer.finish();
  const auto at = [&](const std::string& event) {
    return std::find(events.begin(), events.end(), event) - events.begin();
  };
  EXPECT_LT(at("all-reduce 0"), at("gradient of p2"));
  EXPECT_LT(at("all-reduce 1"), at("backward ended"));
  EXPECT_LT(at("all-reduce 0"), at("all-reduce 1"));
  EXPECT_LT(at("backward ended"), at("all-reduce 2"));
  EXPECT_EQ(at("no such event"), static_cast<int64_t>(events.size()));
}

TEST_F(GradientReducerTest, KeepsTheOrderWhereBackwardHasAnother) {
  auto parameters = make_parameters({{4}, {4}, {4}});
  GradientReducer reducer(*world_, parameters, {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny});
  // Another order on every rank: only the order of the buckets is common.
  at::Tensor x = torch::ones({4});
  for (int i = 0; i < 3; ++i) x = x * parameters[(i + rank_) % 3].tensor;
  reducer.begin(true);
  (x.sum() * static_cast<double>(rank_ + 1)).backward();
  reducer.finish();
  for (const auto& parameter : parameters)
    EXPECT_TRUE(torch::allclose(parameter.tensor.grad(), torch::full({4}, mean())));
}

TEST_F(GradientReducerTest, AveragesEveryTypeAndLayout) {
  std::vector<NamedParameter> parameters;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    for (auto& each : make_parameters({{3}, {2, 5}, {}, {0}}, type)) parameters.push_back(each);
  }
  parameters.push_back({"channels_last", torch::ones({2, 3, 4, 5})
                                             .contiguous(at::MemoryFormat::ChannelsLast)
                                             .set_requires_grad(true)});
  parameters.push_back({"transposed", torch::ones({5, 3}).t().set_requires_grad(true)});
  GradientReducer reducer(*world_, parameters, {});
  for (int step = 0; step < 2; ++step) {
    reducer.begin(true);
    for (const auto& parameter : parameters)
      (parameter.tensor.sum() * static_cast<double>(rank_ + 1)).backward();
    reducer.finish();
    for (const auto& parameter : parameters) {
      const at::Tensor& gradient = parameter.tensor.grad();
      EXPECT_EQ(gradient.scalar_type(), parameter.tensor.scalar_type());
      EXPECT_EQ(gradient.strides(), parameter.tensor.strides()) << parameter.name;
      // Thirds are not exact, in 16 bits least of all.
      const double tolerance = gradient.element_size() == 2 ? 1e-2 : 1e-6;
      EXPECT_TRUE(torch::allclose(gradient.to(at::kDouble),
                                  torch::full(gradient.sizes(), mean(), at::kDouble), tolerance))
          << parameter.name << ' ' << gradient.scalar_type();
      parameter.tensor.mutable_grad().reset();
    }
  }
}

TEST_F(GradientReducerTest, AddsUpWithoutBeginAndAveragesTheSum) {
  auto parameters = make_parameters({{3}});
  GradientReducer reducer(*world_, parameters, {});
  loss_of(parameters).backward();
  EXPECT_EQ(parameters[0].tensor.grad()[0].item<float>(), rank_ + 1);
  EXPECT_TRUE(reducer.has_local_gradients());
  reducer.begin(true);
  loss_of(parameters).backward();
  reducer.finish();
  EXPECT_FALSE(reducer.has_local_gradients());
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), 2 * mean());
  // On top of a mean that was not zeroed, which lies in the bucket itself.
  reducer.begin(true);
  loss_of(parameters).backward();
  reducer.finish();
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), 3 * mean());
}

TEST_F(GradientReducerTest, AddsToAMeanWhatOnlySomeRanksHave) {
  auto parameters = make_parameters({{3}, {3}});
  GradientReducer reducer(*world_, parameters, {});
  reducer.begin(true);
  loss_of(parameters).backward();
  reducer.finish();
  reducer.begin(true);
  // The second parameter stays as it was; the first gets one more on one rank.
  loss_of({parameters[rank_ == 0 ? 0 : 1]}).backward();
  reducer.finish();
  EXPECT_NEAR(parameters[0].tensor.grad()[0].item<double>(), mean() + 1.0 / size_, 1e-5);
  EXPECT_NEAR(parameters[1].tensor.grad()[0].item<double>(), mean() + mean() - 1.0 / size_, 1e-5);
}

TEST_F(GradientReducerTest, LeavesWhatNobodyUsedAndNamesWhatSomeUsed) {
  auto parameters = make_parameters({{2}, {2}, {2}});
  GradientReducer reducer(*world_, parameters, {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny});
  const auto step = [&](const std::vector<NamedParameter>& used) {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    reducer.begin(true);
    loss_of(used).backward();
    reducer.finish();
  };
  // Twice, as the second time is settled already; and back.
  for (int i = 0; i < 2; ++i) {
    step({parameters[0], parameters[2]});
    EXPECT_FALSE(parameters[1].tensor.grad().defined());
    EXPECT_FLOAT_EQ(parameters[2].tensor.grad()[1].item<float>(), mean());
  }
  step(parameters);
  EXPECT_FLOAT_EQ(parameters[1].tensor.grad()[1].item<float>(), mean());

  const std::string message = message_of([&] {
    step(rank_ == 0 ? parameters : std::vector<NamedParameter>{parameters[0], parameters[2]});
  });
  EXPECT_THAT(message, HasSubstr("`p1` (on 1 of " + std::to_string(size_) + " processes)"));
  // No harm is left behind.
  step(parameters);
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[1].item<float>(), mean());
}

TEST_F(GradientReducerTest, TakesARankWithoutDataAlong) {
  auto parameters = make_parameters({{2}, {2}});
  GradientReducer reducer(*world_, parameters, {});
  if (rank_ == 0) {
    reducer.shadow();
    EXPECT_FALSE(parameters[0].tensor.grad().defined());
  } else {
    reducer.begin(true);
    loss_of({parameters[0]}).backward();
    reducer.finish();
    EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), mean() - 1.0 / size_);
    EXPECT_FALSE(parameters[1].tensor.grad().defined());
  }
}

TEST_F(GradientReducerTest, CompressesTheAllReduce) {
  for (const auto compression : {GradientCompression::kFp16, GradientCompression::kBf16}) {
    auto parameters = make_parameters({{1000}, {7, 3}});
    GradientReducer reducer(*world_, parameters, {.compression = compression});
    torch::manual_seed(rank_);
    const at::Tensor weight = torch::randn({1000});
    reducer.begin(true);
    ((parameters[0].tensor * weight).sum() + parameters[1].tensor.sum()).backward();
    reducer.finish();
    const at::Tensor exact = reduce(*world_, weight, ReduceOp::kMean, 1.0);
    EXPECT_EQ(parameters[0].tensor.grad().scalar_type(), at::kFloat);
    EXPECT_TRUE(torch::allclose(parameters[0].tensor.grad(), exact, 1e-2, 1e-2));
    EXPECT_FALSE(torch::equal(parameters[0].tensor.grad(), exact));
    EXPECT_TRUE(torch::allclose(parameters[1].tensor.grad(), torch::ones({7, 3}), 1e-2));
  }
}

TEST_F(GradientReducerTest, LeavesAGradientThatTheProgramKeepsAlone) {
  auto parameters = make_parameters({{3}});
  GradientReducer reducer(*world_, parameters, {});
  std::vector<at::Tensor> kept, views;
  for (int step = 1; step <= 3; ++step) {
    reducer.begin(true);
    (loss_of(parameters) * step).backward();
    reducer.finish();
    if (step < 3) kept.push_back(parameters[0].tensor.grad());
    if (step == 3) views.push_back(parameters[0].tensor.grad().view({1, 3}));
    parameters[0].tensor.mutable_grad().reset();
  }
  reducer.begin(true);
  (loss_of(parameters) * 4).backward();
  reducer.finish();
  EXPECT_FLOAT_EQ(kept[0][0].item<float>(), mean());
  EXPECT_FLOAT_EQ(kept[1][0].item<float>(), 2 * mean());
  EXPECT_FLOAT_EQ(views[0][0][0].item<float>(), 3 * mean());
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), 4 * mean());
}

TEST_F(GradientReducerTest, PutsTheMeanWhereAProgramHoldsTheGradients) {
  auto parameters = make_parameters({{3}, {2, 2}});
  at::Tensor all = torch::zeros({7});
  parameters[0].tensor.mutable_grad() = all.narrow(0, 0, 3);
  parameters[1].tensor.mutable_grad() = all.narrow(0, 3, 4).view({2, 2});
  GradientReducer reducer(*world_, parameters, {});
  for (int step = 1; step <= 3; ++step) {
    all.zero_();
    // In the last one it adds to what the first pass left.
    for (int pass = 0; pass < (step == 3 ? 2 : 1); ++pass) {
      if (pass + 1 == (step == 3 ? 2 : 1)) reducer.begin(true);
      (loss_of(parameters) * step).backward();
    }
    reducer.finish();
    EXPECT_TRUE(torch::allclose(all, torch::full({7}, (step == 3 ? 6 : step) * mean()))) << all;
    EXPECT_EQ(parameters[1].tensor.grad().storage().data(), all.storage().data());
    EXPECT_TRUE(reducer.is_synced(parameters[0].tensor));
  }
}

TEST_F(GradientReducerTest, PutsTheMeanInAGradientThatTheProgramTookOnce) {
  auto parameters = make_parameters({{3}});
  at::Tensor& gradient = parameters[0].tensor.mutable_grad();
  GradientReducer reducer(*world_, parameters, {});
  at::Tensor held;
  for (int step = 1; step <= 4; ++step) {
    reducer.begin(true);
    (loss_of(parameters) * step).backward();
    reducer.finish();
    if (step == 1) held = gradient;
    EXPECT_FLOAT_EQ(held[0].item<float>(), step * mean()) << "in step " << step;
    EXPECT_TRUE(gradient.is_same(held));
    gradient.zero_();
  }
}

// As a program may that clips or rounds by itself.
TEST_F(GradientReducerTest, NoticesAGradientThatGotOtherMemory) {
  for (const bool set_to_none : {true, false}) {
    auto parameters = make_parameters({{3}, {2}});
    GradientReducer reducer(*world_, parameters, {});
    for (int step = 1; step <= 4; ++step) {
      reducer.begin(true);
      (loss_of(parameters) * step).backward();
      reducer.finish();
      at::Tensor& gradient = parameters[0].tensor.mutable_grad();
      EXPECT_FLOAT_EQ(gradient[0].item<float>(), step * mean()) << "in step " << step;
      gradient.set_data(gradient.clamp(-1, 1));
      for (const NamedParameter& parameter : parameters) {
        at::Tensor& each = parameter.tensor.mutable_grad();
        set_to_none ? each.reset() : (void)each.zero_();
      }
    }
  }
}

TEST_F(GradientReducerTest, ReusesItsMemoryOtherwise) {
  auto parameters = make_parameters({{3}});
  GradientReducer reducer(*world_, parameters, {});
  const void* first = nullptr;
  for (int step = 0; step < 3; ++step) {
    reducer.begin(true);
    loss_of(parameters).backward();
    reducer.finish();
    const void* data = parameters[0].tensor.grad().data_ptr();
    if (step > 0) {
      EXPECT_EQ(data, first);
    }
    first = data;
    parameters[0].tensor.mutable_grad().reset();
  }
}

TEST_F(GradientReducerTest, LetsEveryFormOfZeroGradWork) {
  auto parameters = make_parameters({{3}});
  torch::optim::SGD sgd({parameters[0].tensor}, 0.1);
  GradientReducer reducer(*world_, parameters, {});
  for (const bool set_to_none : {false, true, false}) {
    reducer.begin(true);
    loss_of(parameters).backward();
    reducer.finish();
    EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), mean());
    sgd.zero_grad(set_to_none);
  }
}

// The bare minimum of an activation checkpoint: its parameter gets its gradient in a backward pass
// within the backward pass.
struct Nested : torch::autograd::Function<Nested> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    context->saved_data["weight"] = weight;
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor weight = context->saved_data["weight"].toTensor();
    {
      at::AutoGradMode grad(true);
      weight.sum().backward();
    }
    return {gradients[0], at::Tensor()};
  }
};

TEST_F(GradientReducerTest, SaysWhatToDoAboutSeveralGradientsInOneBackwardPass) {
  auto parameters = make_parameters({{3}, {3}});
  const auto step = [&](bool overlap) {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    GradientReducer reducer(*world_, parameters,
                            {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny, .overlap = overlap});
    reducer.begin(true);
    at::Tensor x = parameters[1].tensor * 2;
    x = Nested::apply(Nested::apply(x, parameters[0].tensor), parameters[0].tensor);
    try {
      x.sum().backward();
    } catch (...) {
      reducer.abandon();
      throw;
    }
    reducer.finish();
  };
  step(/*overlap=*/false);
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), 2);
  const std::string message = message_of([&] { step(/*overlap=*/true); });
  EXPECT_THAT(message, HasSubstr("set gradients.overlap to false"));
}

TEST_F(GradientReducerTest, KeepsNoGradientThatTheMeanOfAFailedPassCouldStillBeWrittenTo) {
  auto parameters = make_parameters({{3}, {3}});
  GradientReducer reducer(*world_, parameters, {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny});
  reducer.begin(true);
  (parameters[0].tensor.sum() + parameters[1].tensor.sum()).backward();
  reducer.finish();
  reducer.begin(true);
  at::Tensor x = parameters[1].tensor * 2;
  x = Nested::apply(Nested::apply(x, parameters[0].tensor), parameters[0].tensor);
  EXPECT_THROW(x.sum().backward(), c10::Error);
  EXPECT_TRUE(parameters[0].tensor.grad().defined());
  reducer.abandon();
  EXPECT_FALSE(parameters[0].tensor.grad().defined());
}

TEST_F(GradientReducerTest, RefusesSenselessOptions) {
  EXPECT_THROW(GradientReducer(*world_, make_parameters({{4}}), {.bucket_cap_mb = 0}), c10::Error);
}

}  // namespace
}  // namespace accelerate
