// Programs that do something of their own with gradients and weights, run by plain LibTorch and by
// the Accelerator: the weights must be the same, or an error must say why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::Adam;
using torch::optim::AdamOptions;
using torch::optim::SGD;
using torch::optim::SGDOptions;

// A loop's parts, as plain LibTorch has them and as the Accelerator has them. All ranks have the
// same data, so that their mean is that of one process.
template <class A>
struct Loop {
  Loop(A* accelerator, std::vector<torch::optim::Optimizer*> own, torch::nn::Sequential net)
      : accelerator(accelerator), own(std::move(own)), net(net) {
    if (accelerator == nullptr) return;
    model.emplace(accelerator->prepare(net));
    for (auto* each : this->own) handles.push_back(accelerator->prepare(*each));
  }
  void backward(const at::Tensor& loss) {
    accelerator != nullptr ? accelerator->backward(loss) : loss.backward();
  }
  double clip(double max_norm) { return clip(net->parameters(), max_norm); }
  double clip(std::vector<at::Tensor> parameters, double max_norm) {
    if (accelerator == nullptr) return torch::nn::utils::clip_grad_norm_(parameters, max_norm);
    return accelerator->clip_grad_norm(parameters, max_norm).template item<double>();
  }
  void unscale() {
    if (accelerator != nullptr) accelerator->unscale_gradients();
  }
  void step(size_t i = 0) {
    if (accelerator != nullptr) {
      handles[i].step();
    } else {
      own[i]->step();
    }
  }
  at::Tensor loss(int i) {
    const at::Tensor x = torch::full({4, 1}, 0.25 * (i + 1)) * torch::arange(1, 5).view({4, 1});
    return (net->forward(x) - x.sin()).square().mean();
  }

  A* accelerator;
  std::vector<torch::optim::Optimizer*> own;
  torch::nn::Sequential net;
  std::optional<PreparedModel<torch::nn::SequentialImpl>> model;
  std::vector<PreparedOptimizer> handles;
};

torch::nn::Sequential seeded_net() {
  torch::manual_seed(7);
  return small_net();
}

// The largest difference of the weights after the program on both sides.
template <class A, class Program>
double difference(const Program& program, const AcceleratorOptions& options = {}) {
  A accelerator(options);
  // The modules are called by themselves, of which a warning tells.
  const Warnings warnings;
  const auto plain = seeded_net(), ours = seeded_net();
  {
    SGD sgd(plain->parameters(), SGDOptions(0.1));
    Loop<A> loop(nullptr, {&sgd}, plain);
    program(loop, sgd);
  }
  SGD sgd(ours->parameters(), SGDOptions(0.1));
  Loop<A> loop(&accelerator, {&sgd}, ours);
  program(loop, sgd);
  return largest_difference(*plain, *ours);
}

// In fp32, and in fp16, whose scale is a power of two and leaves no trace.
template <class Program>
void expect_as_in_libtorch(const Program& program) {
  EXPECT_LT(difference<Full>(program), 1e-4) << "in fp32";
  EXPECT_LT(difference<Half>(program, {.loss_scale = {.init_scale = 1024}}), 1e-4) << "in fp16";
}

constexpr int kSteps = 5;

TEST(GradientChanges, ReplacedAfterUnscaling) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.unscale();
      for (auto& each : loop.net->parameters()) each.mutable_grad() = each.grad() * (each > 0);
      loop.clip(0.05);
      loop.step();
    }
  });
}

TEST(GradientChanges, AfterAClip) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      for (auto& each : loop.net->parameters()) {
        if (i % 2 == 0) each.mutable_grad() = each.grad() + 0.01;
        if (i % 2 == 1) each.mutable_grad().add_(0.01);
      }
      loop.step();
    }
  });
}

TEST(GradientChanges, BetweenTwoClips) {
  std::vector<double> norms[2];
  const auto program = [&norms](auto& loop, SGD& sgd) {
    auto& mine = norms[loop.accelerator != nullptr];
    mine.clear();
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      for (auto& each : loop.net->parameters()) each.mutable_grad().fill_(1.5);
      mine.push_back(loop.clip(1));
      loop.step();
    }
  };
  expect_as_in_libtorch(program);
  for (int i = 0; i < kSteps; ++i) EXPECT_NEAR(norms[0][i], norms[1][i], 1e-4);
}

TEST(GradientChanges, AClipBeforeTheProgramsOwnStep) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      sgd.step();
    }
  });
}

TEST(GradientChanges, MoreBackwardAfterAClip) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      loop.backward(loop.loss(i + 10));
      loop.step();
    }
  });
}

TEST(GradientChanges, AStepThatIsLeftOutWhenTheNormIsLarge) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < 3 * kSteps; ++i) {
      if (i % 3 != 2) sgd.zero_grad(/*set_to_none=*/i % 2 == 0);
      loop.backward(loop.loss(i));
      if (loop.clip(0.5) < 6) loop.step();
    }
  });
}

// LibTorch's own clipping writes through `.data()`, which raises no version.
TEST(GradientChanges, ThatRaiseNoVersion) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      torch::nn::utils::clip_grad_value_(loop.net->parameters(), 0.01);
      loop.step();
    }
  });
}

TEST(GradientChanges, OfALoopWithoutTheAcceleratorAfterOneWithIt) {
  const auto program = [](auto& loop, SGD& sgd) {
    for (int i = 0; i < 3 * kSteps; ++i) {
      sgd.zero_grad();
      const at::Tensor loss = loop.loss(i);
      i < kSteps ? loop.backward(loss) : loss.backward();
      if (i < 2 * kSteps) loop.clip(0.05);
      loop.step();
    }
  };
  Full accelerator;
  if (accelerator.num_processes() > 1) GTEST_SKIP() << "several processes must average";
  EXPECT_LT(difference<Full>(program), 1e-4);
  // Its gradients have no loss scale that a step could take out.
  EXPECT_THAT(message_of([&] { difference<Half>(program); }), HasSubstr("accelerator.backward"));
}

TEST(GradientChanges, SomeTakenAwayAfterAClip) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.clip(0.05);
      if (i < 3) loop.net->parameters().back().mutable_grad().reset();
      loop.step();
    }
  });
}

// The first steps show nothing, so that the clip is left to the step.
TEST(GradientChanges, OfAProgramThatChangesItsWaysAreAnError) {
  Full accelerator;
  auto net = seeded_net();
  SGD sgd(net->parameters(), SGDOptions(0.1));
  Loop<Full> loop(&accelerator, {&sgd}, net);
  for (int i = 0; i < 3; ++i) {
    sgd.zero_grad();
    loop.backward(loop.loss(i));
    const at::Tensor before = net->parameters()[0].grad().clone();
    loop.clip(0.05);
    if (i == 2) {
      net->parameters()[0].mutable_grad().mul_(2);
      const std::string message = message_of([&] { loop.step(); });
      EXPECT_THAT(message, HasSubstr("unscale_gradients"));
    } else {
      loop.step();
    }
    if (i < 2) {
      EXPECT_EQ(torch::equal(net->parameters()[0].grad(), before), i == 1) << i;
    }
  }
  // The remedy.
  for (int i = 0; i < 2; ++i) {
    loop.handles[0].zero_grad();
    loop.backward(loop.loss(i));
    loop.clip(0.05);
    accelerator.unscale_gradients(loop.handles[0]);
    net->parameters()[0].mutable_grad().mul_(2);
    loop.step();
  }
}

// The same, and more of them behind it.
TEST(GradientChanges, BeforeAnotherBackwardPassAreAnError) {
  Full accelerator;
  auto net = seeded_net();
  SGD sgd(net->parameters(), SGDOptions(0.1));
  Loop<Full> loop(&accelerator, {&sgd}, net);
  for (int i = 0; i < 3; ++i) {
    sgd.zero_grad();
    loop.backward(loop.loss(i));
    loop.clip(0.05);
    if (i < 2) loop.step();
  }
  net->parameters()[0].mutable_grad().add_(1);
  EXPECT_THAT(message_of([&] { loop.backward(loop.loss(3)); }), HasSubstr("unscale_gradients"));
}

TEST(GradientChanges, AStepOfAnotherOptimizerWarnsAndClipsAtOnceFromThenOn) {
  Full accelerator;
  auto net = seeded_net();
  SGD sgd(net->parameters(), SGDOptions(0.1)), other(net->parameters(), SGDOptions(0.1));
  Loop<Full> loop(&accelerator, {&sgd}, net);
  Warnings warnings;
  for (int i = 0; i < 6; ++i) {
    loop.handles[0].zero_grad();
    loop.backward(loop.loss(i));
    loop.clip(0.05);
    if (i < 2) {
      loop.step();
    } else {
      other.step();
    }
    double sum = 0;
    for (const auto& each : net->parameters()) sum += each.grad().square().sum().item<double>();
    EXPECT_TRUE(i <= 2 || std::abs(std::sqrt(sum) - 0.05) < 1e-4) << i;
  }
  EXPECT_EQ(warnings.all.size(), 1u);
}

// ---- The loss scale

TEST(LossScaleOfPrograms, FallsWhereGradientsAreZeroedAndTheStepIsLeftOut) {
  for (const bool set_to_none : {true, false}) {
    Half accelerator({.loss_scale = {.init_scale = 1024}});
    auto net = seeded_net();
    SGD sgd(net->parameters(), SGDOptions(0.1));
    Loop<Half> loop(&accelerator, {&sgd}, net);
    const Warnings warnings;
    for (int i = 0; i < 4; ++i) {
      sgd.zero_grad(set_to_none);
      loop.backward(loop.loss(i) * INFINITY);
      EXPECT_FALSE(std::isfinite(loop.clip(1)));
    }
    EXPECT_EQ(accelerator.loss_scale(), 64);
  }
}

// One steps each time, the other adds up gradients of several backward passes by hand.
TEST(LossScaleOfPrograms, MayChangeBetweenTheBackwardPassesOfAnother) {
  const auto weights = [](Half* accelerator) {
    auto net = seeded_net(), second = seeded_net();
    SGD a(net->parameters(), SGDOptions(0.1)), b(second->parameters(), SGDOptions(0.1));
    Loop<Half> one(accelerator, {&a}, net), two(accelerator, {&b}, second);
    const Warnings warnings;
    for (int i = 0; i < 12; ++i) {
      a.zero_grad();
      one.backward(one.loss(i % kSteps));
      one.step();
      two.backward(two.loss(i % kSteps));
      if (i % 3 < 2) continue;
      two.step();
      b.zero_grad();
    }
    return second;
  };
  Half accelerator({.loss_scale = {.init_scale = 1024, .growth_interval = 2}});
  EXPECT_LT(largest_difference(*weights(&accelerator), *weights(nullptr)), 1e-5);
}

TEST(GradientChanges, OfParametersThatTwoOptimizersShareAreUnscaledOnce) {
  const auto weights = [](auto* accelerator) {
    auto net = seeded_net();
    auto first = net->parameters(), second = net->parameters();
    first.erase(first.begin());
    second.pop_back();
    SGD a(first, SGDOptions(0.1));
    Adam b(second, AdamOptions(0.01));
    Loop<std::remove_reference_t<decltype(*accelerator)>> loop(accelerator, {&a, &b}, net);
    for (int i = 0; i < kSteps; ++i) {
      net->zero_grad();
      loop.backward(loop.loss(i));
      if (i % 2 == 0) loop.unscale();
      if (i % 3 == 0) loop.clip(0.05);
      loop.step(0);
      loop.step(1);
    }
    return net;
  };
  Half accelerator({.loss_scale = {.init_scale = 1024}});
  EXPECT_LT(largest_difference(*weights(&accelerator), *weights(static_cast<Half*>(nullptr))),
            1e-5);
}

TEST(GradientChanges, ThatAreNegatedViewsAreFollowed) {
  expect_as_in_libtorch([](auto& loop, SGD&) {
    for (int i = 0; i < kSteps; ++i) {
      // zero_grad() cannot detach views.
      for (auto& each : loop.net->parameters()) each.mutable_grad().reset();
      loop.backward(loop.loss(i));
      loop.unscale();
      for (auto& each : loop.net->parameters()) {
        const at::Tensor negated = (-each.grad())._neg_view();
        ASSERT_TRUE(negated.is_neg());
        each.mutable_grad() = negated;
      }
      if (i % 2 == 0) loop.clip(0.05);
      loop.step();
    }
  });
}

TEST(GradientChanges, AnInfiniteNormWithoutALimitLeavesThem) {
  Full accelerator;
  for (const double norm_type : {2.0, static_cast<double>(INFINITY)}) {
    torch::nn::Linear net(torch::nn::LinearOptions(1, 1).bias(false));
    SGD sgd(net->parameters(), SGDOptions(0.1));
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    accelerator.backward(model(torch::ones({1, 1})).sum() * INFINITY);
    accelerator.clip_grad_norm(model, INFINITY, norm_type);
    optimizer.step();
    EXPECT_EQ(net->weight.item<double>(), -INFINITY);
  }
}

// Sharpness-aware minimisation: the weights are replaced by others for a second pass, and put back.
TEST(WeightChanges, BySetDataAndBack) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    for (int i = 0; i < kSteps; ++i) {
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.unscale();
      auto parameters = loop.net->parameters();
      std::vector<at::Tensor> old;
      for (at::Tensor& each : parameters) {
        old.push_back(each.detach());
        each.set_data(each.detach() + 0.5 * each.grad());
      }
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      for (size_t k = 0; k < parameters.size(); ++k) parameters[k].set_data(old[k]);
      loop.step();
    }
  });
}

// Of two tensors by set_data(), as one exchanges a net and its average.
TEST(WeightChanges, ThatSwapMemory) {
  expect_as_in_libtorch([](auto& loop, SGD& sgd) {
    auto average = seeded_net();
    const auto swap = [&] {
      auto ours = loop.net->parameters(), theirs = average->parameters();
      for (size_t i = 0; i < ours.size(); ++i) {
        const at::Tensor kept = ours[i].detach();
        ours[i].set_data(theirs[i].detach());
        theirs[i].set_data(kept);
      }
    };
    for (int i = 0; i < kSteps; ++i) {
      if (i % 2 == 1) swap();
      sgd.zero_grad();
      loop.backward(loop.loss(i));
      loop.step();
      if (i % 2 == 1) swap();
    }
  });
}

TEST(WeightChanges, OfBorrowedMemoryReachIt) {
  Full accelerator;
  std::vector<float> memory(3, 1);
  struct Borrowed : torch::nn::Module {
    explicit Borrowed(float* memory) {
      weight = register_parameter("weight", torch::from_blob(memory, {3}));
    }
    at::Tensor forward(const at::Tensor& x) { return x * weight; }
    at::Tensor weight;
  };
  auto net = std::make_shared<Borrowed>(memory.data());
  SGD sgd(net->parameters(), SGDOptions(1.0));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  EXPECT_EQ(net->weight.data_ptr(), memory.data());
  for (int i = 0; i < 2; ++i) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({3})).sum());
    optimizer.step();
  }
  EXPECT_EQ(memory, std::vector<float>(3, -1));
}

}  // namespace
}  // namespace accelerate
