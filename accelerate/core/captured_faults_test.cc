// Captured steps of programs that replace what a step uses, keep what it has left, or let it throw:
// what they see is what they see without capture.
#include <torch/torch.h>

#include <sstream>

#include "accelerate/core/captured_test_helpers.h"
#include "gmock/gmock.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using at::Tensor;
using testing::AllOf;
using testing::HasSubstr;

// ---- Memory from outside

TEST(CapturedFaults, NoticesATeacherThatIsLoadedAnew) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto teacher = std::make_shared<Mlp>();
              auto step = capture([&](Tensor& x) {
                const Tensor target = (torch::NoGradGuard(), teacher->forward(x)).detach();
                return t.descend(torch::mse_loss(t.model(x), target));
              });
              for (int i = 0; i < 40; ++i) {
                if (i % 12 == 8) {
                  std::stringstream saved;
                  torch::save(t.net, saved);
                  torch::load(teacher, saved);
                }
                if (i == 26) teacher = std::make_shared<Mlp>();
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

TEST(CapturedFaults, NoticesTensorsThatAreReplaced) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              Tensor weight = torch::ones({3}), sum;
              auto step = capture([&](Tensor& x, Tensor& y) {
                const Tensor loss = t.descend(torch::cross_entropy_loss(t.model(x), y, weight));
                sum += loss;
                return loss;
              });
              for (int i = 0; i < 60; ++i) {
                if (i % 12 == 0) sum = torch::zeros({});
                if (i == 20) weight = torch::tensor({1.F, 5.F, 0.1F});
                if (i == 40) weight = weight.flip(0);
                Tensor x = t.draw(i, {5, 4}), y = torch::randint(3, {5});
                t.see(step(x, y));
                if (i % 12 == 11) t.see(sum);
              }
            }),
            "captured");
}

TEST(CapturedFaults, RunsAsItIsWhereSomethingIsReplacedInEachCall) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                Tensor queue = torch::randn({6, 3});
                auto step = capture([&](Tensor& x) {
                  const Tensor y = t.model(x);
                  const Tensor loss = t.descend(y.matmul(queue.t()).square().mean());
                  return std::pair(loss, y.detach());
                });
                for (int i = 0; i < 60; ++i) {
                  Tensor x = t.draw(i, {2, 4});
                  const auto [loss, y] = step(x);
                  t.see(loss);
                  if (i >= 6) queue = torch::cat({queue.slice(0, 2), y});
                }
              }),
              testing::AnyOf(HasSubstr("was replaced by the program"), HasSubstr("in each call")));
}

// Both nets live on, so that nothing tells but a comparison.
void train_with_swapped_teachers(const CaptureOptions& options) {
  Trained t;
  auto teacher = std::make_shared<Mlp>(), other = std::make_shared<Mlp>();
  auto step = t.accelerator.capture(
      [&](Tensor& x) {
        const Tensor target = (torch::NoGradGuard(), teacher->forward(x)).detach();
        return t.descend(torch::mse_loss(t.model(x), target));
      },
      options);
  for (int i = 0; i < 40; ++i) {
    if (i == 10) std::swap(teacher, other);
    Tensor x = t.draw(i, {5, 4});
    step(x);
  }
}

TEST(CapturedFaults, NamesWhatDiffersFromTheRecording) {
  EXPECT_THAT(
      message_of([] { train_with_swapped_teachers({}); }),
      AllOf(HasSubstr("no longer does what it did when it was recorded"), HasSubstr("aten::")));
  EXPECT_EQ(message_of([] { train_with_swapped_teachers({.compare_after = 0}); }), "no error");
}

TEST(CapturedFaults, NamesTheRateOfAnOptimizerThatWasNotPrepared) {
  Trained t;
  if (t.accelerator.num_processes() > 1) GTEST_SKIP() << "of one process";
  auto step = t.accelerator.capture([&](Tensor& x) {
    t.sgd.zero_grad();
    t.accelerator.backward(t.model(x).square().mean());
    t.sgd.step();
  });
  const auto train = [&] {
    for (int i = 0; i < 100; ++i) {
      if (i == 30) t.sgd.param_groups()[0].options().set_lr(0.01);
      Tensor x = t.draw(i, {5, 4});
      step(x);
    }
  };
  EXPECT_THAT(message_of(train), AllOf(HasSubstr("no longer does what it did"), HasSubstr("0.01")));
  EXPECT_TRUE(step.refusal().has_value());
}

TEST(CapturedFaults, ComparesWithoutLosingWhatTheStepLeaves) {
  Tensor hidden;
  EXPECT_EQ(expect_same([&](Trained& t, auto& capture) {
              auto step = capture(
                  [&](Tensor& x) {
                    hidden = t.model(x).detach();
                    return t.descend(t.model(x).square().mean());
                  },
                  {.compare_after = 4});
              for (int i = 0; i < 90; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
                t.see(hidden);
                t.see(t.net->first->weight.grad());
              }
            }),
            "captured");
}

// ---- What the program keeps

TEST(CapturedFaults, LeavesAGradientThatTheProgramKeepsAsItIs) {
  expect_same([](Trained& t, auto& capture) {
    Tensor before;
    auto step = capture([&](Tensor& x) { return t.descend(t.model(x).square().mean()); });
    for (int i = 0; i < 60; ++i) {
      // From time to time, and then always.
      const bool keeps = i % 14 == 10 || i > 40;
      Tensor x = t.draw(i, {5, 4});
      const Tensor kept = before.defined() ? before.clone() : Tensor();
      t.see(step(x));
      EXPECT_TRUE(!kept.defined() || kept.equal(before)) << "call " << i;
      if (keeps) before = t.net->first->weight.grad();
    }
  });
}

TEST(CapturedFaults, LeavesAGradientThatIsKeptAndThenZeroed) {
  expect_same([](Trained& t, auto& capture) {
    std::vector<Tensor> kept;
    auto step = capture([&](Tensor& x) { return t.descend(t.model(x).square().mean()); });
    for (int i = 0; i < 20; ++i) {
      Tensor x = t.draw(i, {5, 4});
      step(x);
      if (i >= 10) kept.push_back(t.net->first->weight.grad());
      t.optimizer.zero_grad();
    }
    for (const Tensor& each : kept) t.see(each);
  });
}

// ---- Modules

TEST(CapturedFaults, NoticesAnotherRateOfDropoutAndNamedModules) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              torch::nn::Dropout dropout(0.5);
              auto teacher = std::make_shared<Mlp>();
              auto step = capture(
                  [&](Tensor& x) {
                    const Tensor target = teacher->forward(x).detach();
                    return t.descend(torch::mse_loss(t.model(dropout(x)), target));
                  },
                  {.compare_after = 0, .modules = {dropout.ptr(), teacher}});
              for (int i = 0; i < 50; ++i) {
                if (i == 10) dropout->eval();
                if (i == 20) dropout->train();
                if (i == 30) dropout->options.p(0.1);
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

// ---- Errors

TEST(CapturedFaults, ClosesTheScopesOfAReplayThatThrows) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x, Tensor& y) {
                t.optimizer.zero_grad();
                {
                  auto scope = t.accelerator.no_sync(t.model);
                  t.accelerator.backward(torch::cross_entropy_loss(t.model(x), y));
                }
                const Tensor loss = torch::cross_entropy_loss(t.model(x), y);
                t.accelerator.backward(loss);
                t.optimizer.step();
                return loss.detach();
              });
              for (int i = 0; i < 30; ++i) {
                Tensor x = t.draw(i, {5, 4}), y = torch::randint(3, {5});
                if (i == 12) y[0] = 99;
                try {
                  t.see(step(x, y));
                } catch (const c10::Error&) {
                  t.see(torch::full({}, -1.0));
                }
                const Tensor all = t.accelerator.gather(t.net->first->bias.detach().unsqueeze(0));
                t.see(all.sub(all[0]).abs().max());
              }
              t.see(t.net->first->weight);
            }),
            "captured");
}

TEST(CapturedFaults, EndsTheBatchOfAnAccumulationThatThrows) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              t.accelerator.set_gradient_accumulation_steps(3);
              auto step = capture([&](Tensor& x, Tensor& y) {
                auto scope = t.accelerator.accumulate(t.model);
                return t.descend(torch::cross_entropy_loss(t.model(x), y));
              });
              for (int i = 0; i < 45; ++i) {
                Tensor x = t.draw(i, {5, 4}), y = torch::randint(3, {5});
                if (i == 31) y[0] = 99;
                try {
                  t.see(step(x, y));
                } catch (const c10::Error&) {
                  t.see(torch::full({}, -1.0));
                  // Outside of a batch nothing is divided by their number.
                  t.see(torch::tensor(t.accelerator.sync_gradients()));
                }
                t.see(t.net->first->weight);
              }
            }),
            "captured");
}

// ---- What was refused without need

TEST(CapturedFaults, TakesBlankMemoryThatOperatorsFill) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x) {
                Tensor y = t.model(x);
                y = torch::rrelu(y - torch::empty_like(y).exponential_().log(), 0.1, 0.3, true);
                const Tensor index = torch::arange(5);
                const Tensor filled = torch::empty({5, 3}).index_put_({index}, x.narrow(1, 0, 3));
                return t.descend((y * filled).square().mean());
              });
              for (int i = 0; i < 30; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

TEST(CapturedFaults, TakesLayersOfAttention) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              torch::nn::TransformerEncoderLayer encoder(
                  torch::nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(8).dropout(0.1));
              torch::nn::TransformerDecoderLayer decoder(
                  torch::nn::TransformerDecoderLayerOptions(4, 2).dim_feedforward(8).dropout(0.1));
              auto step = capture([&](Tensor& x) {
                const Tensor memory = encoder(x);
                return t.descend(t.model(decoder(x.sin(), memory)).square().mean());
              });
              for (int i = 0; i < 30; ++i) {
                Tensor x = t.draw(i, {6, 2, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

// ---- Work of the engine, by what it is asked to do

TEST(CapturedStep, RefusesAClipWhoseLimitIsAnotherInEachCall) {
  Trained trained;
  double limit = 1;
  auto step = trained.accelerator.capture([&](const at::Tensor& x) {
    trained.optimizer.zero_grad();
    trained.accelerator.backward(trained.model(x).square().mean());
    trained.accelerator.clip_grad_norm(trained.model, limit);
    trained.optimizer.step();
  });
  const Warnings warnings;
  for (int call = 0; call < 8; ++call) {
    limit *= 0.9;
    step(trained.draw(call, {5, 4}));
  }
  ASSERT_TRUE(step.refusal());
  EXPECT_THAT(*step.refusal(), HasSubstr("clip_grad_norm"));
}

TEST(CapturedStep, NamesAnOptimizerThatIsGone) {
  Trained trained;
  auto other = std::make_unique<torch::optim::SGD>(trained.net->parameters(), 0.1);
  std::optional<PreparedOptimizer> optimizer(trained.accelerator.prepare(*other));
  auto step = trained.accelerator.capture([&](const at::Tensor& x) {
    optimizer->zero_grad();
    trained.accelerator.backward(trained.model(x).square().mean());
    optimizer->step();
  });
  for (int call = 0; call < 8; ++call) step(trained.draw(call, {5, 4}));
  ASSERT_FALSE(step.refusal()) << *step.refusal();
  // Another one in its place, which the recording knows nothing of.
  torch::optim::SGD last(trained.net->parameters(), 0.1);
  PreparedOptimizer next = trained.accelerator.prepare(last);
  optimizer = next;
  const std::string message = message_of([&] { step(trained.draw(8, {5, 4})); });
  EXPECT_THAT(message, HasSubstr("is gone"));
}

// On the stack, and prepared by reference.
TEST(CapturedStep, TakesAModelThatNoSharedPointerOwns) {
  Full accelerator;
  Mlp net;
  torch::optim::SGD sgd(net.parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  auto step = accelerator.capture([&, &model = model, &optimizer = optimizer](const at::Tensor& x) {
    optimizer.zero_grad();
    accelerator.backward(model(x).square().sum());
    optimizer.step();
  });
  for (int call = 0; call < 8; ++call) step(torch::ones({2, 4}));
  EXPECT_FALSE(step.refusal()) << *step.refusal();
}

}  // namespace
}  // namespace accelerate
