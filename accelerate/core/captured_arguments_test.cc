// The arguments of captured steps: which of them make a call one of another kind, what a step may
// do to them, and that what it cannot do is refused.
#include <torch/torch.h>

#include <optional>
#include <string>
#include <variant>

#include "accelerate/core/captured_test_helpers.h"
#include "gmock/gmock.h"

namespace accelerate {
namespace {

using at::Tensor;
using testing::HasSubstr;

enum class Phase { kFirst, kSecond };
struct Weighted {
  Tensor x;
  double weight;
  std::vector<std::string> names;
};

// Calls the step with one argument beside the batch, and with the other after a while.
template <class Argument, class LossOf>
void expect_two_kinds(const Argument& first, const Argument& second, const LossOf& loss_of) {
  EXPECT_EQ(expect_same([&](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x, const Argument& argument) {
                return t.descend(loss_of(t.model(x), argument));
              });
              for (int i = 0; i < 24; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x, i % 16 < 8 ? first : second));
              }
            }),
            "captured");
}

TEST(CapturedArguments, TellsKindsByAllThatIsNoTensor) {
  expect_two_kinds(Phase::kFirst, Phase::kSecond, [](const Tensor& y, Phase phase) {
    return phase == Phase::kFirst ? y.square().mean() : y.abs().mean();
  });
  expect_two_kinds(std::string("a"), std::string("b"), [](const Tensor& y, const std::string& how) {
    return how == "a" ? y.square().mean() : y.abs().mean();
  });
  expect_two_kinds(std::optional<double>(2), std::optional<double>(),
                   [](const Tensor& y, const std::optional<double>& factor) {
                     return y.square().mean() * factor.value_or(1);
                   });
  expect_two_kinds(Weighted{torch::ones({3}), 1, {"a"}}, Weighted{torch::ones({3}), 0.5, {"a"}},
                   [](const Tensor& y, const Weighted& with) {
                     return (y * with.x).square().mean() * with.weight;
                   });
  expect_two_kinds(
      std::map<std::string, std::vector<int>>{{"a", {1, 2}}},
      std::map<std::string, std::vector<int>>{{"a", {1, 3}}},
      [](const Tensor& y, const auto& with) { return y.square().mean() * with.at("a")[1]; });
}

TEST(CapturedArguments, SeesTensorsInVariants) {
  EXPECT_EQ(expect_same([&](Trained& t, auto& capture) {
              using Either = std::variant<Tensor, int>;
              auto step = capture([&](Either& input) {
                const Tensor* x = std::get_if<Tensor>(&input);
                return t.descend(t.model(x ? *x : torch::ones({5, 4})).square().mean());
              });
              for (int i = 0; i < 24; ++i) {
                Either input = t.draw(i, {5, 4});
                if (i % 3 == 2) input = 1;
                t.see(step(input));
              }
            }),
            "captured");
}

TEST(CapturedArguments, RefusesToCutOffGradients) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                torch::nn::Linear encoder(4, 4);
                auto step = capture(
                    [&](Tensor& features) { return t.descend(t.model(features).square().mean()); });
                for (int i = 0; i < 10; ++i) {
                  encoder->zero_grad();
                  Tensor features = encoder(t.draw(i, {5, 4}));
                  t.see(step(features));
                  t.see(encoder->weight.grad());
                }
              }),
              HasSubstr("input 0 requires grad"));
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  x.requires_grad_();
                  return t.descend(t.model(x).square().mean());
                });
                for (int i = 0; i < 10; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                  t.see(x.grad());
                }
              }),
              HasSubstr("makes input 0 require grad"));
}

TEST(CapturedArguments, RefusesToLoseResultsInThem) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x, Tensor& loss, int& count) {
                  loss = t.descend(t.model(x).square().mean());
                  ++count;
                });
                int count = 0;
                for (int i = 0; i < 10; ++i) {
                  Tensor x = t.draw(i, {5, 4}), loss;
                  step(x, loss, count);
                  t.see(loss);
                }
                t.see(torch::tensor(count));
              }),
              HasSubstr("assigns to one of its arguments"));
  // What nobody sees is the step's own.
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](auto&& x) {
                x = x * 2;
                return t.descend(t.model(x).square().mean());
              });
              for (int i = 0; i < 10; ++i) t.see(step(t.draw(i, {5, 4})));
            }),
            "captured");
}

// An argument that is no variable of the program is the step's own to assign to.
TEST(CapturedArguments, LeavesTheDataThatAStepReplacesInAnArgumentOfItsOwn) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](auto&& x) {
                x.clamp_(-1, 1);
                x = (x - 0.5) * 2;
                return t.descend(t.model(x).square().mean());
              });
              const Tensor data = t.draw(0, {96, 4});
              for (int i = 0; i < 12; ++i) t.see(step(data.narrow(0, 8 * i, 8)));
              t.see(data);
            }),
            "captured");
}

TEST(CapturedArguments, RecordsBatchesThatLieOtherwiseByThemselves) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step =
                  capture([&](const Tensor& x) { return t.descend(t.model(x).square().mean()); });
              // 80 bytes each, so that they begin in four ways.
              const Tensor data = t.draw(0, {120, 4});
              for (int i = 0; i < 24; ++i) t.see(step(data.narrow(0, 5 * i, 5)));
            }),
            "captured");
}

TEST(CapturedArguments, RefusesToReturnALossOfWhichTheProgramWantsTheGradient) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto loss_of = capture([&](Tensor& x) { return t.model(x).square().mean(); });
                for (int i = 0; i < 10; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(t.descend(loss_of(x) + 0.1 * t.net->first->weight.square().sum()));
                }
              }),
              HasSubstr("returns a tensor that requires grad"));
}

// Which the program zeroes after each call at first, and then after every fourth.
TEST(CapturedArguments, AddsToTheGradientsOfWhatOnlyAnOptimizerHas) {
  if (Trained().accelerator.num_processes() > 1) GTEST_SKIP() << "of one process";
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              const Tensor image = torch::ones({4}).set_requires_grad(true);
              torch::optim::SGD sgd({image}, torch::optim::SGDOptions(0.1));
              PreparedOptimizer optimizer = t.accelerator.prepare(sgd);
              auto step = capture([&](Tensor& x) {
                const Tensor loss = (x * image).square().mean();
                t.accelerator.backward(loss);
                return loss.detach();
              });
              for (int i = 0; i < 40; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
                t.see(image.grad());
                if (i < 12 || i % 4 == 3) optimizer.step(), optimizer.zero_grad();
              }
            }),
            "captured");
}

TEST(CapturedArguments, WritesToTheTensorsOfTheProgram) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x) {
                x.div_(2);
                return t.descend(t.model(x).square().mean());
              });
              for (int i = 0; i < 40; ++i) {
                // Also one that lies otherwise.
                Tensor x = i % 2 == 0 ? t.draw(i, {5, 4}) : at::imag(t.draw_complex(i).conj());
                t.see(step(x));
                t.see(x);
              }
            }),
            "captured");
}

TEST(CapturedArguments, KnowsOneTensorThatIsGivenTwice) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x, Tensor& y) {
                x.div_(2);
                return t.descend(torch::mse_loss(t.model(x), y.narrow(1, 0, 3)));
              });
              for (int i = 0; i < 24; ++i) {
                Tensor x = t.draw(i, {5, 4}), y = t.draw(i + 100, {5, 4});
                t.see(step(x, i % 2 == 0 ? x : y));
              }
            }),
            "captured");
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x, Tensor& y) {
                  x.div_(2);
                  return t.descend(torch::mse_loss(t.model(x), y));
                });
                for (int i = 0; i < 10; ++i) {
                  Tensor x = t.draw(i, {5, 4}), y = x.narrow(1, 0, 3);
                  t.see(step(x, y));
                }
              }),
              HasSubstr("shares its memory"));
}

TEST(CapturedArguments, TakesNegatedAndConjugatedViews) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x, Tensor& z) {
                const Tensor y = t.model(x) * torch::view_as_real(z.resolve_conj()).sum();
                return t.descend(y.square().mean());
              });
              for (int i = 0; i < 24; ++i) {
                Tensor z = t.draw_complex(i);
                Tensor x = t.draw(i, {5, 4});
                if (i % 2 == 1) x = torch::_neg_view(x);
                Tensor other = i % 3 == 0 ? z.conj() : z;
                t.see(step(x, other));
              }
            }),
            "captured");
}

}  // namespace
}  // namespace accelerate
