// Captured steps that change what is around them: rates, the form of their inputs, windows of
// accumulate(); and that call other captured steps.
#include <torch/torch.h>

#include "accelerate/core/captured_test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "gmock/gmock.h"

namespace accelerate {
namespace {

using at::Tensor;
using testing::HasSubstr;

TEST(CapturedSurroundings, RefusesToRecordAMetric) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                ReduceLROnPlateau plateau(t.sgd, {.factor = 0.5, .patience = 1});
                auto scheduler = t.accelerator.prepare(plateau);
                auto step = capture([&](Tensor& x) {
                  const Tensor loss = t.descend(t.model(x).square().mean());
                  scheduler.step(1.0);
                  return loss;
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("metric of a plateau scheduler"));
}

TEST(CapturedSurroundings, RefusesToRecordARateThatTheStepSets) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  const Tensor loss = t.descend(t.model(x).square().mean());
                  auto& options = t.sgd.param_groups()[0].options();
                  options.set_lr(options.get_lr() * 0.9);
                  return loss;
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("sets the learning rate"));
}

// The operator does not say that it writes its running statistics.
TEST(CapturedSurroundings, BringsBackWhatOperatorsWriteWithoutSayingSo) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              Tensor mean = torch::zeros({4}), variance = torch::ones({4});
              auto step = capture([&](Tensor& x, Tensor& mean, Tensor& variance) {
                return t.descend(
                    t.model(torch::batch_norm(x, {}, {}, mean, variance, true, 0.1, 1e-5, false))
                        .square()
                        .mean());
              });
              for (int i = 0; i < 12; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x, mean, variance)), t.see(mean), t.see(variance);
              }
            }),
            "captured");
}

TEST(CapturedSurroundings, RefusesToGiveInputsAnotherForm) {
  for (const bool by_data : {false, true}) {
    EXPECT_THAT(expect_same([by_data](Trained& t, auto& capture) {
                  auto step = capture([&](Tensor& x) {
                    const Tensor loss = t.descend(t.model(x).square().mean());
                    by_data ? x.set_data(x.detach() * 3) : void(x.unsqueeze_(0));
                    return loss;
                  });
                  for (int i = 0; i < 12; ++i) {
                    Tensor x = t.draw(i, {5, 4});
                    t.see(step(x)), t.see(x);
                  }
                }),
                HasSubstr("changes the shape or the memory"));
  }
}

TEST(CapturedSurroundings, RecordsAnotherCapturedStepAsPartOfItself) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto inner = t.accelerator.capture(
                  [&](Tensor& x) { return t.descend(t.model(x).square().mean()); });
              // Has been recorded when it becomes part of another.
              for (int i = 0; i < 8; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(inner(x));
              }
              auto outer = capture([&](Tensor& x) { return inner(x) * 2; });
              for (int i = 8; i < 24; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(outer(x));
              }
            }),
            "captured");
}

TEST(CapturedSurroundings, KnowsTheWindowsOfSeveralBatchesInOneStep) {
  for (const int64_t length : {2, 3, 5, 7}) {
    expect_same([length](Trained& t, auto& capture) {
      t.accelerator.set_gradient_accumulation_steps(length);
      auto step = capture([&](Tensor& x, Tensor& y) {
        Tensor loss;
        for (const Tensor& each : {x, y}) {
          auto window = t.accelerator.accumulate(t.model);
          loss = t.descend(t.model(each).square().mean());
        }
        return loss;
      });
      for (int i = 0; i < 40; ++i) {
        Tensor x = t.draw(i, {5, 4}), y = t.draw(i + 50, {5, 4});
        t.see(step(x, y)), t.see(t.net->first->weight);
      }
    });
  }
}

TEST(CapturedSurroundings, KnowsWhichParametersAnOptimizerHas) {
  expect_same([](Trained& t, auto& capture) {
    auto step = capture([&](Tensor& x) { return t.descend(t.model(x).square().mean()); });
    for (int i = 0; i < 24; ++i) {
      if (i == 10) t.sgd.param_groups()[0].params().pop_back();
      Tensor x = t.draw(i, {5, 4});
      t.see(step(x)), t.see(t.net->second->bias.grad());
    }
  });
}

struct GraphNet : torch::nn::Module {
  GraphNet() {
    linear = register_module("linear", torch::nn::Linear(4, 4));
    register_buffer("links", (torch::eye(5) + 0.5).to_sparse());
  }
  Tensor forward(const Tensor& x) { return torch::mm(named_buffers()["links"], linear(x)); }
  torch::nn::Linear linear = nullptr;
};

// A buffer without memory of its own, as that of a graph's links.
TEST(CapturedSurroundings, TrainsAModelWithASparseBuffer) {
  const auto train = [](bool captured) {
    Full accelerator;
    torch::manual_seed(4);
    auto net = std::make_shared<GraphNet>();
    torch::optim::SGD sgd(net->parameters(), 0.1);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    const auto descend = [&, &model = model, &optimizer = optimizer](Tensor& x) {
      optimizer.zero_grad();
      const Tensor loss = model(x).square().mean();
      accelerator.backward(loss);
      optimizer.step();
      return loss.detach();
    };
    auto step = accelerator.capture(descend);
    std::vector<double> losses;
    for (int i = 0; i < 8; ++i) {
      Tensor x = torch::randn({5, 4});
      losses.push_back((captured ? step(x) : descend(x)).template item<double>());
    }
    return losses;
  };
  Full here;
  // On several processes prepare() refuses such a buffer.
  if (here.num_processes() > 1) return;
  EXPECT_EQ(train(true), train(false));
}

}  // namespace
}  // namespace accelerate
