// What a program that is right on plain LibTorch may do, and the engine must bear. Runs on one
// process and on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::AdamWOptions;
using torch::optim::OptimizerParamGroup;

torch::nn::Linear weight_only(int64_t in = 2, int64_t out = 2) {
  return torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false));
}

// ---- Which parameters are stepped

TEST(Engine, LeavesAParameterWithoutGradientAloneWeightDecayIncluded) {
  Full accelerator;
  auto net = torch::nn::Sequential(weight_only(), weight_only());
  torch::optim::AdamW adamw(net->parameters(), AdamWOptions(0.1).weight_decay(0.5));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const at::Tensor unused = net->parameters()[1].detach().clone();
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    accelerator.backward(net[0]->as<torch::nn::Linear>()->forward(torch::ones({1, 2})).sum());
    optimizer.step();
  }
  EXPECT_TRUE(torch::equal(net->parameters()[1], unused));
  EXPECT_FALSE(net->parameters()[1].grad().defined());
}

TEST(Engine, StepsASharedTensorOnce) {
  Full accelerator;
  auto shared = weight_only(1, 1);
  auto net = torch::nn::Sequential(shared, shared);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double before = shared->weight.item<double>();
  accelerator.backward(shared->forward(torch::ones({1, 1})).sum());
  optimizer.step();
  EXPECT_NEAR(shared->weight.item<double>(), before - 1, 1e-6);
}

struct TiedImpl : torch::nn::Module {
  TiedImpl() {
    a = register_module("a", weight_only());
    b = register_module("b", weight_only());
    b->weight = a->weight;
  }
  at::Tensor forward(const at::Tensor& x) { return b(a(x)); }
  torch::nn::Linear a{nullptr}, b{nullptr};
};
TORCH_MODULE(Tied);

TEST(Engine, WarnsOnceOfAMemberThatWasAssignedAway) {
  Full accelerator;
  Tied net;
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  Warnings warnings;
  for (int step = 0; step < 2; ++step) {
    accelerator.backward(model(torch::ones({1, 2})).sum());
    optimizer.step();
    optimizer.zero_grad();
  }
  ASSERT_EQ(warnings.all.size(), 1);
  EXPECT_THAT(warnings.all[0], HasSubstr("`b.weight`"));
}

TEST(Engine, DoesNotWarnOfWhatIsMerelyUnused) {
  Full accelerator;
  auto net = torch::nn::Sequential(weight_only(), weight_only());
  auto model = accelerator.prepare(net);
  Warnings warnings;
  accelerator.backward(net[0]->as<torch::nn::Linear>()->forward(torch::ones({1, 2})).sum());
  EXPECT_TRUE(warnings.all.empty());
}

TEST(Engine, FollowsWhatIsFrozenAndThawed) {
  Full accelerator;
  auto net = torch::nn::Sequential(weight_only(1, 1), weight_only(1, 1));
  net->parameters()[0].set_requires_grad(false);
  torch::optim::SGD sgd(net->parameters(), 0.5);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor input = torch::full({1, 1}, accelerator.process_index() + 1.0);
  const auto step = [&] {
    optimizer.zero_grad();
    accelerator.backward(model(input).sum());
    optimizer.step();
  };
  const at::Tensor frozen = net->parameters()[0].detach().clone();
  step();
  EXPECT_TRUE(torch::equal(net->parameters()[0], frozen));
  net->parameters()[0].set_requires_grad(true);
  net->parameters()[1].set_requires_grad(false);
  const at::Tensor other = net->parameters()[1].detach().clone();
  step();
  const double mean = (accelerator.num_processes() + 1) / 2.0;
  EXPECT_NEAR(net->parameters()[0].item<double>(), (frozen - 0.5 * mean * other).item<double>(),
              1e-5);
  EXPECT_TRUE(torch::equal(net->parameters()[1], other));
}

TEST(Engine, NamesAParameterThatIsFrozenOnOneRankOnly) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  auto net = torch::nn::Sequential(weight_only(1, 1), weight_only(1, 1));
  auto model = accelerator.prepare(net);
  if (accelerator.is_main_process()) net->parameters()[1].set_requires_grad(false);
  const std::string message = message_of([&] {
    accelerator.backward(model(torch::ones({1, 1})).sum());
  });
  EXPECT_THAT(message, HasSubstr("`1.weight` (on 3 of 4 processes)"));
}

// ---- What the program does to parameters and gradients

TEST(Engine, BearsParametersThatAreReplacedDuringTraining) {
  Full accelerator;
  torch::manual_seed(4);
  auto net = small_net(), reference = small_net();
  copy_parameters(*net, *reference);
  torch::optim::AdamW adamw(net->parameters(), AdamWOptions(0.01)),
      plain(reference->parameters(), AdamWOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const void* place = net->parameters()[0].data_ptr();
  const at::Tensor x = torch::linspace(-1, 1, 8).view({8, 1});
  std::stringstream saved;
  torch::save(net, saved);
  for (int step = 0; step < 6; ++step) {
    if (step == 2) torch::load(net, saved), saved.seekg(0), torch::load(reference, saved);
    if (step == 3) {
      for (auto* each : {&net, &reference}) {
        (*each)->to(at::kDouble);
        (*each)->to(at::kFloat);
      }
    }
    if (step == 4) {
      for (auto* each : {&net, &reference})
        (*each)->parameters()[0].set_data(torch::full({8, 1}, 0.25));
    }
    optimizer.zero_grad();
    plain.zero_grad();
    // The second order makes `.grad` another tensor, with a graph.
    accelerator.backward(torch::mse_loss(model(x), x), {.create_graph = step == 5});
    torch::mse_loss(reference->forward(x), x).backward({}, step == 5, step == 5);
    if (step == 1) {
      net->parameters()[0].mutable_grad() = torch::ones({8, 1});
      reference->parameters()[0].mutable_grad() = torch::ones({8, 1});
    }
    optimizer.step();
    plain.step();
    EXPECT_LT(largest_difference(*net, *reference), 1e-5) << "step " << step;
    EXPECT_EQ(net->parameters()[0].data_ptr(), place) << "step " << step;
  }
}

TEST(Engine, LeavesTogetherWhatTheProgramTiesByMemory) {
  for (const bool before : {true, false}) {
    Full accelerator;
    auto a = weight_only(), b = weight_only();
    torch::nn::Sequential net(a, b);
    torch::optim::SGD sgd(net->parameters(), 0.1);
    const auto tie = [&] { b->weight.set_data(a->weight.detach()); };
    if (before) tie();
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    if (!before) tie();
    for (int step = 0; step < 2; ++step) {
      optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 2})).sum());
      optimizer.step();
    }
    EXPECT_EQ(a->weight.data_ptr(), b->weight.data_ptr());
  }
}

TEST(Engine, GoesOnAfterABackwardPassThatFailed) {
  Full accelerator({.gradients = {.bucket_cap_mb = 1e-6, .first_bucket_mb = 1e-6}});
  auto net = torch::nn::Sequential(weight_only(1, 1), weight_only(1, 1), weight_only(1, 1));
  auto model = accelerator.prepare(net);
  const at::Tensor one = torch::ones({1, 1});
  net->parameters()[0].register_hook([](const at::Tensor&) {
    TORCH_CHECK(false, "a hook of the program's own");
    return at::Tensor();
  });
  EXPECT_THAT(message_of([&] { accelerator.backward(model(one).sum()); }),
              HasSubstr("program's own"));
  net->zero_grad();
  accelerator.backward(net[2]->as<torch::nn::Linear>()->forward(one * 3).sum());
  EXPECT_NEAR(net->parameters()[2].grad().item<double>(), 3, 1e-5);
}

TEST(Engine, GoesOnInAnotherTypeWhenTheProgramChangesIt) {
  Full accelerator;
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  net->to(at::kDouble);
  const at::Tensor x = torch::full({4, 1}, accelerator.process_index() + 1.0, at::kDouble);
  accelerator.backward(model(x).sum());
  optimizer.step();
  const at::Tensor all = accelerator.gather(net->parameters()[0].detach().view({1, -1}));
  for (int64_t rank = 1; rank < all.size(0); ++rank) EXPECT_TRUE(torch::equal(all[0], all[rank]));
}

TEST(Engine, ZeroesInEveryForm) {
  Full accelerator;
  auto net = weight_only(1, 1);
  torch::optim::SGD sgd(net->parameters(), 0.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double mean = (accelerator.num_processes() + 1) / 2.0;
  for (int form = 0; form < 8; ++form) {
    accelerator.backward(model(torch::full({1, 1}, accelerator.process_index() + 1.0)).sum());
    EXPECT_NEAR(net->weight.grad().item<double>(), mean, 1e-5) << "form " << form;
    optimizer.step();
    if (form % 4 == 0) optimizer.zero_grad(false);
    if (form % 4 == 1) optimizer.zero_grad();
    if (form % 4 == 2) net->zero_grad();
    if (form % 4 == 3) sgd.zero_grad(false);
  }
}

TEST(Engine, NoticesABackwardPassThroughStaleValues) {
  Full accelerator;
  auto net = weight_only(1, 1);
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor stale = net->weight.square().sum();
  accelerator.backward(model(torch::ones({1, 1})).sum());
  optimizer.step();
  EXPECT_THAT(message_of([&] { stale.backward(); }), HasSubstr("modified by an inplace operation"));
}

TEST(Engine, KeepsChannelsLast) {
  Full accelerator;
  torch::nn::Conv2d net(torch::nn::Conv2dOptions(3, 4, 3));
  net->weight.set_data(net->weight.detach().contiguous(at::MemoryFormat::ChannelsLast));
  torch::optim::AdamW adamw(net->parameters(), AdamWOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const auto strides = net->weight.strides().vec();
  accelerator.backward(model(torch::ones({2, 3, 8, 8})).sum());
  EXPECT_EQ(net->weight.grad().strides(), strides);
  optimizer.step();
  EXPECT_EQ(net->weight.strides(), strides);
}

TEST(Engine, TakesSparseGradients) {
  Full accelerator;
  torch::nn::Embedding net(torch::nn::EmbeddingOptions(4, 2).sparse(true));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor before = net->weight.detach().clone();
  accelerator.backward(model(torch::tensor({1, 1})).sum());
  EXPECT_TRUE(net->weight.grad().is_sparse());
  optimizer.step();
  EXPECT_TRUE(torch::allclose(net->weight[1], before[1] - 2));
  EXPECT_TRUE(torch::equal(net->weight[0], before[0]));
}

TEST(Engine, SaysWhichOptimizersAreFused) {
  Full accelerator;
  auto net = weight_only();
  torch::optim::RMSprop rmsprop(net->parameters(), 0.1);
  torch::optim::LBFGS lbfgs(net->parameters());
  auto [fused, plain] = accelerator.prepare(rmsprop, lbfgs);
  EXPECT_TRUE(fused.is_fused());
  EXPECT_FALSE(plain.is_fused());
}

// ---- The overflow flag

TEST(Engine, SkipsOnAllRanksWhatOverflowsOnOne) {
  Half accelerator;
  auto net = weight_only(1, 1);
  torch::optim::AdamW adamw(net->parameters(), AdamWOptions(0.1));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  for (int bad = 0; bad < accelerator.num_processes(); ++bad) {
    optimizer.zero_grad();
    const double factor = accelerator.process_index() == bad ? INFINITY : 0.01;
    accelerator.backward(model(torch::ones({1, 1})).sum() * factor);
    optimizer.step();
    EXPECT_TRUE(optimizer.step_was_skipped());
  }
  EXPECT_TRUE(adamw.state().empty());
  EXPECT_EQ(accelerator.loss_scale(), 65536 / std::pow(2, accelerator.num_processes()));
}

// ---- Options of the averaging

TEST(Engine, TrainsWithCompressedGradientsAndSmallBuckets) {
  for (const auto compression :
       {GradientCompression::kNone, GradientCompression::kFp16, GradientCompression::kBf16}) {
    Full accelerator(
        {.gradients = {
             .bucket_cap_mb = 1e-6, .first_bucket_mb = 1e-6, .compression = compression}});
    torch::manual_seed(6);
    auto net = small_net(), reference = small_net();
    copy_parameters(*net, *reference);
    torch::optim::SGD sgd(net->parameters(), 0.1), plain(reference->parameters(), 0.1);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    const int64_t rank = accelerator.process_index(), size = accelerator.num_processes();
    for (int step = 0; step < 5; ++step) {
      const at::Tensor x = torch::linspace(-1, 1, 8 * size).view({-1, 1}), y = 2 * x + 3;
      optimizer.zero_grad();
      accelerator.backward(
          torch::mse_loss(model(x.narrow(0, 8 * rank, 8)), y.narrow(0, 8 * rank, 8)));
      optimizer.step();
      plain.zero_grad();
      torch::mse_loss(reference->forward(x), y).backward();
      plain.step();
    }
    EXPECT_LT(largest_difference(*net, *reference),
              compression == GradientCompression::kNone ? 1e-5 : 3e-2);
  }
}

}  // namespace
}  // namespace accelerate
