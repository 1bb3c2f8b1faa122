// Which models take part in training, and for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::SGD;

at::Tensor ones() { return torch::ones({1, 1}); }

TEST(ModelLifetimes, EndWhenNothingRefersToTheModel) {
  Full accelerator;
  std::vector<std::weak_ptr<torch::nn::Module>> gone;
  std::weak_ptr<ModelState> state;
  for (int fold = 0; fold < 3; ++fold) {
    auto net = small_net();
    SGD sgd(net->parameters(), 0.1);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    accelerator.backward(model(ones()).sum());
    optimizer.step();
    for (const auto& each : gone) EXPECT_TRUE(each.expired());
    gone.push_back(net.ptr());
    state = model.state();
  }
  auto net = small_net();
  auto model = accelerator.prepare(net);
  EXPECT_TRUE(state.expired());
}

// Its module is the user's still: the gradients of later losses are averaged as ever.
TEST(ModelLifetimes, OutlastAHandleWhoseModuleIsInUse) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  SGD sgd(net->parameters(), 1.0);
  auto optimizer = accelerator.prepare(sgd);
  { auto model = accelerator.prepare(net); }
  const double before = net->weight.item<double>();
  accelerator.backward(net->forward(ones()).sum() * (accelerator.process_index() + 1));
  optimizer.step();
  EXPECT_NEAR(before - net->weight.item<double>(), (accelerator.num_processes() + 1) / 2.0, 1e-6);
}

TEST(ModelLifetimes, AGoneModelWithGradientsOfOneRankTroublesNobody) {
  Full accelerator;
  {
    auto dropped = small_net();
    auto model = accelerator.prepare(dropped);
    if (accelerator.is_main_process()) dropped->forward(ones()).sum().backward();
  }
  auto net = small_net(), other = small_net();
  auto [model, another] = accelerator.prepare(net, other);
  for (int i = 0; i < 2; ++i) accelerator.backward(model(ones()).sum());
  EXPECT_TRUE(net->parameters()[0].grad().defined());
}

TEST(ModelLifetimes, GradientsOfOneRankStopTheOthersOnce) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  auto net = small_net(), other = small_net();
  auto [model, another] = accelerator.prepare(net, other);
  if (accelerator.is_main_process()) other->forward(ones()).sum().backward();
  const auto train = [&, &model = model] {
    return message_of([&] { accelerator.backward(model(ones()).sum()); });
  };
  EXPECT_THAT(train(), HasSubstr("on some processes only"));
  EXPECT_EQ(train(), "no error");
}

TEST(ModelLifetimes, EndWithRelease) {
  Full accelerator;
  auto net = small_net(), other = small_net();
  SGD sgd(other->parameters(), 0.1);
  auto [model, another, optimizer] = accelerator.prepare(net, other, sgd);
  accelerator.release(model);
  const std::string message = message_of([&model = model] { model(ones()); });
  EXPECT_THAT(message, HasSubstr("was released"));
  // The rest goes on, and the module may come again.
  accelerator.backward(another(ones()).sum());
  optimizer.step();
  auto again = accelerator.prepare(net);
  accelerator.backward(again(ones()).sum());
  accelerator.release();
  EXPECT_NE(message_of([&] { again(ones()); }), "no error");
}

// As for the next of several folds, after a loop that was left in the middle of a window.
TEST(ModelLifetimes, EndWithAllThatBelongedToTheModels) {
  Full accelerator({.gradient_accumulation_steps = 4});
  const auto train = [&](int batches) {
    auto net = small_net();
    auto sgd = std::make_unique<SGD>(net->parameters(), 0.1);
    torch::optim::ReduceLROnPlateauScheduler plateau(*sgd);
    auto [model, optimizer, scheduler] = accelerator.prepare(net, *sgd, plateau);
    std::string pattern;
    for (int batch = 0; batch < batches; ++batch) {
      auto window = accelerator.accumulate(model);
      accelerator.backward(model(ones()).sum());
      accelerator.clip_grad_norm(model, 1.0);
      pattern += accelerator.sync_gradients() ? '1' : '0';
      optimizer.step();
      optimizer.zero_grad();
    }
    accelerator.free_memory(net, sgd);
    return pattern;
  };
  EXPECT_EQ(train(6), "000100");
  EXPECT_EQ(train(4), "0001");
}

TEST(ModelLifetimes, DoNotBeginWithoutAModel) {
  Full accelerator;
  std::shared_ptr<torch::nn::LinearImpl> none;
  EXPECT_THAT(message_of([&] { (void)accelerator.prepare(none); }), HasSubstr("is empty"));
}

struct Whole : torch::nn::Module {
  explicit Whole(std::shared_ptr<torch::nn::LinearImpl> part)
      : part(register_module("part", std::move(part))) {}
  at::Tensor forward(const at::Tensor& x) { return part->forward(x); }
  std::shared_ptr<torch::nn::LinearImpl> part;
};

// A part that was prepared by itself averaged its parameters; the whole takes over from it.
TEST(ModelLifetimes, OfAPartEndWithoutTheWhole) {
  Full accelerator;
  auto part = std::make_shared<torch::nn::LinearImpl>(torch::nn::LinearOptions(1, 1).bias(false));
  auto whole = std::make_shared<Whole>(part);
  SGD sgd(whole->parameters(), 1.0);
  // By reference, so that it lives as long as the handle.
  auto handle = std::make_unique<PreparedModel<torch::nn::LinearImpl>>(accelerator.prepare(*part));
  auto [model, optimizer] = accelerator.prepare(whole, sgd);
  for (int i = 0; i < 3; ++i) {
    const double before = part->weight.item<double>();
    optimizer.zero_grad();
    accelerator.backward(model(ones()).sum() * (accelerator.process_index() + 1));
    optimizer.step();
    EXPECT_NEAR(before - part->weight.item<double>(), (accelerator.num_processes() + 1) / 2.0,
                1e-6);
    if (i == 0) handle.reset();
  }
}

// ---- Calls around the handle

template <class A>
std::vector<std::string> warnings_of(bool through_the_handle, bool with_autocast) {
  A accelerator;
  auto net = small_net();
  SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  Warnings warnings;
  for (int i = 0; i < 2; ++i) {
    optimizer.zero_grad();
    const auto scope = with_autocast ? accelerator.autocast() : std::optional<Autocast>();
    const at::Tensor output = through_the_handle ? model(ones()) : model->forward(ones());
    accelerator.backward(output.to(at::kFloat).sum());
    optimizer.step();
  }
  return warnings.all;
}

TEST(Handles, AreMissedOnceWhereAutocastIs) {
  const auto warnings = warnings_of<BFloat>(false, false);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("not the handle that prepare() returned"));
  EXPECT_TRUE(warnings_of<BFloat>(true, false).empty());
  EXPECT_TRUE(warnings_of<BFloat>(false, true).empty());
  EXPECT_TRUE(warnings_of<Full>(false, false).empty());
}

}  // namespace
}  // namespace accelerate
