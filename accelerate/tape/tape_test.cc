// That a replay does what the step does, bit for bit.
#include "accelerate/tape/tape.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <functional>
#include <memory>

#include "accelerate/host_work/host_work.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using Tensors = std::vector<at::Tensor>;
using Step = std::function<at::Tensor(const Tensors&)>;

// Records the step with copies of the inputs, and calls it from then on by its tape.
class Taped {
 public:
  Taped(Step step, const Tensors& inputs) {
    for (const at::Tensor& input : inputs) inputs_.push_back(input.clone());
    Recording recording = record(inputs_, [&] { result_ = step(inputs_).detach(); });
    EXPECT_EQ(recording.obstacle.value_or("none"), "none");
    tape_ = std::make_unique<Tape>(std::move(recording), inputs_);
  }

  at::Tensor operator()(const Tensors& inputs) {
    tape_->replay(inputs);
    return result_.clone();
  }
  const at::Tensor& first_result() const { return result_; }
  const Tape& tape() const { return *tape_; }

 private:
  Tensors inputs_;
  at::Tensor result_;
  std::unique_ptr<Tape> tape_;
};

// One as it is and one by its tape, from the same state of the default generator.
void expect_same(const Step& step, const Step& again, const std::function<Tensors()>& inputs,
                 int steps = 20) {
  const auto draw = [&](int i) { return torch::manual_seed(100 + i), inputs(); };
  Tensors plain;
  for (int i = 0; i < steps; ++i) {
    const Tensors given = draw(i);
    torch::manual_seed(i);
    plain.push_back(step(given).detach().clone());
  }
  std::unique_ptr<Taped> taped;
  for (int i = 0; i < steps; ++i) {
    const Tensors given = draw(i);
    torch::manual_seed(i);
    at::Tensor result;
    if (taped == nullptr) {
      taped = std::make_unique<Taped>(again, given);
      result = taped->first_result();
    } else {
      result = (*taped)(given);
    }
    EXPECT_TRUE(result.equal(plain[i])) << "call " << i;
  }
}

void expect_same(const Step& step, const std::function<Tensors()>& inputs) {
  expect_same(step, step, inputs);
}

Tensors one_random() { return {torch::randn({4, 6})}; }

TEST(TapeTest, RepeatsOperatorsAndViews) {
  expect_same(
      [](const Tensors& x) {
        return (x[0].t().mm(x[0]).relu() + 1).sum({0}).view({2, 3});
      },
      one_random);
  expect_same(
      [](const Tensors& x) {
        return torch::cat({x[0], x[0].narrow(1, 1, 2)}, 1);
      },
      one_random);
  expect_same([](const Tensors& x) { return torch::stack(x[0].unbind(0), 1).contiguous(); },
              one_random);
  expect_same([](const Tensors& x) { return x[0].index({torch::tensor({3, 1})}); }, one_random);
  expect_same([](const Tensors& x) { return std::get<0>(x[0].sort()); }, one_random);
  expect_same(
      [](const Tensors& x) { return x[0].to(at::kBFloat16).matmul(x[0].t().to(at::kBFloat16)); },
      one_random);
}

TEST(TapeTest, RepeatsWhatIsDoneInPlace) {
  expect_same(
      [](const Tensors& x) {
        auto sum = torch::zeros({6});
        for (const auto& row : x[0].unbind(0)) sum.add_(row);
        sum[2] = 7;
        return sum;
      },
      one_random);
  // An input that the step changes.
  expect_same([](const Tensors& x) { return x[0].mul_(2).sin(); }, one_random);
}

TEST(TapeTest, RestoresWhatTheHostHadPutIntoATensor) {
  expect_same(
      [](const Tensors& x) {
        auto counted = torch::tensor(std::vector<float>{1, 2, 3, 4});
        counted.add_(x[0].sum(1));
        counted[1] = 5;
        return counted;
      },
      one_random);
  expect_same([](const Tensors& x) { return x[0] * torch::tensor(3.0F); }, one_random);
}

TEST(TapeTest, DrawsFreshRandomNumbers) {
  expect_same([](const Tensors& x) { return torch::dropout(x[0], 0.5, true); }, one_random);
  expect_same([](const Tensors& x) { return x[0] + torch::randn_like(x[0]) + torch::rand({6}); },
              one_random);
}

TEST(TapeTest, ReturnsAnInputAndHoldsOneThatTheProgramKeeps) {
  expect_same([](const Tensors& x) { return x[0]; }, one_random);
  at::Tensor kept;
  Taped taped([&](const Tensors& x) { return kept = x[0].view({24}), x[0].sum(); },
              {torch::ones({4, 6})});
  taped({torch::full({4, 6}, 2.0)});
  EXPECT_EQ(kept[0].item<float>(), 2);
}

TEST(TapeTest, TakesInputsThatLieOtherwise) {
  const Step step = [](const Tensors& x) { return x[0].sin().sum(1); };
  Taped taped(step, {torch::randn({4, 6})});
  const auto other = torch::randn({6, 4}).t(), part = torch::randn({8, 6}).narrow(0, 3, 4);
  EXPECT_TRUE(taped({other}).equal(step({other.contiguous()})));
  EXPECT_TRUE(taped({part}).equal(step({part})));
  EXPECT_TRUE(taped({other}).equal(step({other.contiguous()})));
}

TEST(TapeTest, LeavesWhatTheProgramHoldsWhereItIs) {
  at::Tensor hidden;
  Taped taped([&](const Tensors& x) { return hidden = x[0] * 2, (hidden + 1).sin().sum(); },
              {torch::ones({2})});
  taped({torch::full({2}, 4.0)});
  EXPECT_EQ(hidden[0].item<float>(), 8);
}

TEST(TapeTest, SharesTheMemoryOfIntermediateResults) {
  Taped taped(
      [](const Tensors& x) {
        auto y = x[0];
        for (int i = 0; i < 20; ++i) y = y.sin();
        return y.sum();
      },
      {torch::ones({1000})});
  EXPECT_EQ(taped.tape().unplanned_bytes(), 20 * 4000);
  EXPECT_LE(taped.tape().planned_bytes(), 2 * 4096);
}

TEST(TapeTest, ThrowsWhatAnOperatorThrowsAndGoesOnAfterwards) {
  const Step step = [](const Tensors& x) { return torch::embedding(x[0], x[1]).sum(); };
  Taped taped(step, {torch::ones({3, 2}), torch::tensor({1, 2})});
  EXPECT_THROW(taped({torch::ones({3, 2}), torch::tensor({1, 7})}), c10::Error);
  EXPECT_EQ(taped({torch::ones({3, 2}), torch::tensor({1, 0})}).item<float>(), 4);
}

// ---- Training

struct Net : torch::nn::Module {
  Net() {
    convolution = register_module("convolution", torch::nn::Conv2d(1, 4, 3));
    norm = register_module("norm", torch::nn::BatchNorm2d(4));
    embedding = register_module("embedding", torch::nn::Embedding(10, 16));
    layer_norm =
        register_module("layer_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({16})));
    linear = register_module("linear", torch::nn::Linear(16, 10));
  }
  at::Tensor forward(const at::Tensor& image, const at::Tensor& words) {
    auto x = torch::max_pool2d(norm(convolution(image)).relu(), 2).flatten(1);
    x = torch::dropout(x, 0.3, true) + embedding(words).mean(1);
    x = torch::scaled_dot_product_attention(x.view({1, -1, 2, 8}).transpose(1, 2),
                                            x.view({1, -1, 2, 8}).transpose(1, 2),
                                            x.view({1, -1, 2, 8}).transpose(1, 2), {}, 0.0, true)
            .transpose(1, 2)
            .reshape({-1, 16});
    return linear(torch::gelu(layer_norm(x)));
  }
  torch::nn::Conv2d convolution = nullptr;
  torch::nn::BatchNorm2d norm = nullptr;
  torch::nn::Embedding embedding = nullptr;
  torch::nn::LayerNorm layer_norm = nullptr;
  torch::nn::Linear linear = nullptr;
};

// A step with SGD by LibTorch's operators, in fp32 or under autocast.
Step training_step(bool narrow) {
  at::set_num_threads(1);
  torch::manual_seed(1);
  auto net = std::make_shared<Net>();
  return [net, narrow](const Tensors& batch) {
    for (auto& parameter : net->parameters()) parameter.mutable_grad().reset();
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, narrow);
    const auto output = net->forward(batch[0], batch[1]);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    const auto loss = torch::cross_entropy_loss(output.to(at::kFloat), batch[2]);
    loss.backward();
    torch::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) parameter.sub_(parameter.grad(), 0.1);
    return loss;
  };
}

Tensors draw_batch() {
  return {torch::randn({5, 1, 6, 6}), torch::randint(10, {5, 3}), torch::randint(10, {5})};
}

TEST(TapeTest, TrainsAsTheStepItselfDoes) {
  expect_same(training_step(false), training_step(false), draw_batch, 50);
}

TEST(TapeTest, TrainsUnderAutocastAsTheStepItselfDoes) {
  expect_same(training_step(true), training_step(true), draw_batch, 50);
}

TEST(TapeTest, PutsTheWorkOfTheHostInItsPlace) {
  auto total = torch::zeros({});
  Taped taped(
      [&](const Tensors& x) {
        const auto sum = x[0].sum();
        total.copy_(sum);
        const auto doubled = tensor_in_each_replay("double", [total] { return total * 2; });
        in_each_replay("clear", [total] { total.zero_(); });
        return doubled + total;
      },
      {torch::ones({4})});
  EXPECT_EQ(taped.first_result().item<float>(), 8);
  EXPECT_EQ(taped({torch::full({4}, 3.0)}).item<float>(), 24);
  EXPECT_EQ(total.item<float>(), 0);
}

}  // namespace
}  // namespace accelerate
