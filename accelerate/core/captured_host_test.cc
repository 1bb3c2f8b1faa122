// Captured steps of programs that work on the host within the step, by seeds, accessors, numbers
// and variables: what no replay would repeat is refused, and the program sees what it sees without
// capture.
#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <thread>

#include "accelerate/core/captured_test_helpers.h"
#include "gmock/gmock.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using at::Tensor;
using testing::AnyOf;
using testing::HasSubstr;

// ---- Random numbers

at::Generator common_generator() { return at::detail::getDefaultCPUGenerator(); }

TEST(CapturedHost, RefusesToRecordASeed) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  torch::manual_seed(3);
                  return t.descend(torch::dropout(t.model(x), 0.5, true).square().mean());
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("random generator that the step has seeded"));
}

// As checkpoints of activations do: the second pass draws what the first has drawn.
TEST(CapturedHost, RefusesToRecordAStateThatIsSet) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  const Tensor before = common_generator().get_state();
                  const Tensor once = torch::dropout(t.model(x), 0.5, true);
                  const Tensor after = common_generator().get_state();
                  common_generator().set_state(before);
                  const Tensor twice = torch::dropout(t.model(x), 0.5, true);
                  common_generator().set_state(after);
                  return t.descend((once * twice).mean());
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("random generator that the step has seeded"));
}

TEST(CapturedHost, RefusesToRecordAStateThatIsSetAtTheEnd) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                torch::manual_seed(5);
                const Tensor state = common_generator().get_state();
                auto step = capture([&](Tensor& x) {
                  const Tensor loss = t.descend(torch::dropout(t.model(x), 0.5, true).mean());
                  common_generator().set_state(state);
                  return loss;
                });
                Tensor x = torch::randn({5, 4});
                for (int i = 0; i < 12; ++i) t.see(step(x));
              }),
              HasSubstr("random generator that the step has seeded"));
}

TEST(CapturedHost, RefusesToRecordAGeneratorOfTheStep) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  const auto generator = at::make_generator<at::CPUGeneratorImpl>(9);
                  return t.descend((t.model(x) * torch::rand({5, 3}, generator)).mean());
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("generator that the step itself has created"));
}

TEST(CapturedHost, DrawsFromAGeneratorOfTheProgram) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              const auto generator = at::make_generator<at::CPUGeneratorImpl>(9);
              auto step = capture([&](Tensor& x) {
                return t.descend((t.model(x) * torch::rand({5, 3}, generator)).mean());
              });
              for (int i = 0; i < 40; ++i) {
                // The program may do with it what it likes, and with the common one, too.
                if (i % 7 == 6) generator.unsafeGetGeneratorImpl()->set_current_seed(i);
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

TEST(CapturedHost, NoticesAGeneratorThatTheProgramReplaces) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto generator = at::make_generator<at::CPUGeneratorImpl>(9);
              auto step = capture([&](Tensor& x) {
                return t.descend((t.model(x) * torch::rand({5, 3}, generator)).mean());
              });
              for (int i = 0; i < 40; ++i) {
                if (i == 15) generator = at::make_generator<at::CPUGeneratorImpl>(10);
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

// Where it keeps the old one, too, the comparison finds it.
TEST(CapturedHost, ThrowsForAGeneratorThatTheProgramExchanges) {
  Full accelerator;
  torch::nn::Linear net(4, 3);
  auto model = accelerator.prepare(net);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(9);
  auto other = at::make_generator<at::CPUGeneratorImpl>(10);
  auto step = accelerator.capture([&](Tensor& x) {
    const Tensor loss = (model(x) * torch::rand({5, 3}, generator)).mean();
    accelerator.backward(loss);
    return loss.detach();
  });
  EXPECT_THAT(message_of([&] {
                for (int i = 0; i < 40; ++i) {
                  if (i == 15) std::swap(generator, other);
                  net->zero_grad();
                  Tensor x = torch::ones({5, 4});
                  step(x);
                }
              }),
              HasSubstr("gets a different `generator` in each call"));
}

// Threads that load data draw from the common generator when they like.
TEST(CapturedHost, TakesDrawsOfOtherThreadsForNoSeeds) {
  Trained t;
  auto step = t.accelerator.capture([&](const Tensor& x) {
    const Tensor y = torch::dropout(t.model(x), 0.5, true);
    std::thread([] { torch::randn({100}); }).join();
    return t.descend(torch::dropout(y, 0.5, true).square().mean());
  });
  for (int i = 0; i < 20; ++i) step(torch::randn({5, 4}));
  EXPECT_EQ(step.refusal().value_or("captured"), "captured");
}

// ---- Memory

// Calls `write` with a result of an operator, before the next uses it.
template <class Write>
std::string train_with_writes(const Write& write) {
  return expect_same([&](Trained& t, auto& capture) {
    int calls = 0;
    Tensor weight = torch::ones({5, 3});
    auto step = capture([&](Tensor& x) {
      ++calls;
      const Tensor y = t.model(x);
      write(y, weight, calls);
      return t.descend((y * weight).square().mean());
    });
    for (int i = 0; i < 12; ++i) {
      Tensor x = t.draw(i, {5, 4});
      t.see(step(x));
    }
  });
}

TEST(CapturedHost, RefusesWritesOnTheHostToResults) {
  EXPECT_THAT(train_with_writes([](const Tensor& y, const Tensor&, int calls) {
                y.template mutable_data_ptr<float>()[3] = static_cast<float>(calls);
              }),
              HasSubstr("written on the host"));
}

TEST(CapturedHost, RefusesWritesOnTheHostToMemoryFromOutside) {
  EXPECT_THAT(train_with_writes([](const Tensor&, const Tensor& weight, int calls) {
                weight.template mutable_data_ptr<float>()[3] = static_cast<float>(calls);
              }),
              HasSubstr("written on the host"));
}

TEST(CapturedHost, RefusesWritesOnTheHostToInputs) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                int calls = 0;
                auto step = capture([&](const Tensor& x) {
                  x.template mutable_data_ptr<float>()[0] = static_cast<float>(++calls);
                  return t.descend(t.model(x).square().mean());
                });
                for (int i = 0; i < 12; ++i) t.see(step(t.draw(i, {5, 4})));
              }),
              HasSubstr("written on the host"));
}

// Which the optimizer reads, and no operator.
TEST(CapturedHost, RefusesWritesOnTheHostToGradients) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](Tensor& x) {
                  t.optimizer.zero_grad();
                  const Tensor loss = t.model(x).square().mean();
                  t.accelerator.backward(loss);
                  t.net->second->weight.grad().template mutable_data_ptr<float>()[1] = 0;
                  t.optimizer.step();
                  return loss.detach();
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  t.see(step(x));
                }
              }),
              HasSubstr("written on the host"));
}

TEST(CapturedHost, TakesMemoryThatIsWrittenBetweenCalls) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              Tensor weight = torch::ones({5, 3});
              auto step = capture(
                  [&](Tensor& x) { return t.descend((t.model(x) * weight).square().mean()); });
              for (int i = 0; i < 40; ++i) {
                weight.template mutable_data_ptr<float>()[i % 15] = 1.F / static_cast<float>(i + 1);
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x));
              }
            }),
            "captured");
}

TEST(CapturedHost, RefusesAnInputWhoseMemoryTheStepUsesBesides) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                auto step = capture([&](const Tensor& x, const Tensor& weight) {
                  const Tensor loss = t.descend(t.model(x).square().mean());
                  return std::pair(loss, weight.square().sum());
                });
                for (int i = 0; i < 12; ++i) {
                  const auto [loss, norm] = step(t.draw(i, {5, 4}), t.net->second->weight.detach());
                  t.see(loss), t.see(norm);
                }
              }),
              HasSubstr("input 1 shares its memory with a parameter"));
}

TEST(CapturedHost, ThrowsWhereItWritesAnInputByAnotherName) {
  Trained t;
  Tensor queue = torch::zeros({6, 4});
  auto step = t.accelerator.capture([&](const Tensor& x, const Tensor& older) {
    queue.slice(0, 0, 3).copy_(x);
    return t.descend((t.model(x) - t.model(older)).square().mean());
  });
  const auto run = [&](int calls) {
    for (int i = 0; i < calls; ++i) step(torch::randn({3, 4}), queue.slice(0, 3));
  };
  EXPECT_THAT(message_of([&] { run(6); }),
              HasSubstr("memory of its input 1 through another tensor"));
}

TEST(CapturedHost, ReadsInputsThatAreNotContiguousAsTheyLie) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](const Tensor& x, const Tensor& row) {
                const Tensor loss = t.descend((t.model(x) * row.sum(1, true)).square().mean());
                return std::tuple(loss, x.sum(), row.sum());
              });
              for (int i = 0; i < 24; ++i) {
                const Tensor wide = t.draw(i, {37, 9}), one = t.draw(i + 100, {1, 33});
                const auto [loss, x, row] = step(wide.slice(1, 2, 6), one.expand({37, 33}));
                t.see(loss), t.see(x), t.see(row);
              }
            }),
            "captured");
}

TEST(CapturedHost, LetsWritesThroughDataReachTheCallersTensor) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x) {
                x.data().div_(2);
                return t.descend(t.model(x).square().mean());
              });
              for (int i = 0; i < 24; ++i) {
                Tensor x = t.draw(i, {5, 4});
                t.see(step(x)), t.see(x);
              }
            }),
            "captured");
}

// ---- Results and variables

TEST(CapturedHost, RefusesNumbersInTheResultThatChange) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                int calls = 0;
                auto step = capture([&](Tensor& x) {
                  return std::pair(t.descend(t.model(x).square().mean()), 0.5 * ++calls);
                });
                for (int i = 0; i < 12; ++i) {
                  Tensor x = t.draw(i, {5, 4});
                  const auto [loss, number] = step(x);
                  t.see(loss), t.see(torch::tensor(number));
                }
              }),
              HasSubstr("returns different numbers"));
}

TEST(CapturedHost, FindsNumbersInTheResultThatChangeLater) {
  Trained t;
  double rate = 0.5;
  auto step = t.accelerator.capture(
      [&](const Tensor& x) { return std::pair(t.descend(t.model(x).square().mean()), rate); });
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) step(torch::randn({5, 4}));
  };
  run(10);
  rate = 0.25;
  EXPECT_THAT(message_of([&] { run(20); }), HasSubstr("returns different numbers"));
}

TEST(CapturedHost, NoticesAVariableThatACallOfAnotherKindHasAssigned) {
  EXPECT_THAT(expect_same([](Trained& t, auto& capture) {
                Tensor last;
                auto step = capture([&](Tensor& x) {
                  const Tensor loss = t.descend(t.model(x).square().mean());
                  last = loss * 2;
                  return loss;
                });
                for (int i = 0; i < 60; ++i) {
                  Tensor x = t.draw(i, {i % 3 == 2 ? 7 : 5, 4});
                  t.see(step(x)), t.see(last);
                }
              }),
              AnyOf("captured", HasSubstr("has been assigned elsewhere")));
}

// ---- Several backward passes

TEST(CapturedHost, RecordsTwoNetworksThatTrainAgainstEachOther) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto judge = std::make_shared<Mlp>(3, 1);
              torch::optim::SGD judge_sgd(judge->parameters(), 0.1);
              auto judge_model = t.accelerator.prepare(judge);
              auto judge_optimizer = t.accelerator.prepare(judge_sgd);
              auto step = capture([&](Tensor& x, Tensor& real) {
                const Tensor fake = t.model(x);
                judge_optimizer.zero_grad();
                const Tensor seen = judge_model(fake.detach()).sigmoid().mean() -
                                    judge_model(real).sigmoid().mean();
                t.accelerator.backward(seen);
                judge_optimizer.step();
                const Tensor loss = judge_model(fake).square().mean();
                t.descend(loss);
                return std::pair(seen.detach(), loss.detach());
              });
              for (int i = 0; i < 40; ++i) {
                Tensor x = t.draw(i, {5, 4}), real = t.draw(i + 100, {5, 3});
                const auto [seen, loss] = step(x, real);
                t.see(seen), t.see(loss);
              }
            }),
            "captured");
}

TEST(CapturedHost, RecordsTwoBackwardPasses) {
  EXPECT_EQ(expect_same([](Trained& t, auto& capture) {
              auto step = capture([&](Tensor& x) {
                t.optimizer.zero_grad();
                const Tensor one = t.model(x).square().mean();
                t.accelerator.backward(one);
                const Tensor other = t.model(x * 2).abs().mean();
                t.accelerator.backward(other);
                t.optimizer.step();
                return std::pair(one.detach(), other.detach());
              });
              for (int i = 0; i < 40; ++i) {
                Tensor x = t.draw(i, {5, 4});
                const auto [one, other] = step(x);
                t.see(one), t.see(other);
              }
            }),
            "captured");
}

}  // namespace
}  // namespace accelerate
