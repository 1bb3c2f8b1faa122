// Lion against the algorithm of the paper, in LibTorch's operators and in fp64: where a direction
// is nearly 0, rounding decides on its sign, and fp32 rounds often.
#include "accelerate/optim/lion.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include "accelerate/optim/fused_lion.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/optim/launch_here.h"
#include "accelerate/optim/one_cycle.h"

namespace accelerate {
namespace {

using torch::optim::OptimizerParamGroup;

constexpr kernels::Step kPlain;

// Parameters in two groups, of which the second has other options.
const LionOptions kOfFirst = LionOptions(1e-2);
const LionOptions kOfSecond = LionOptions(3e-3).betas({0.8, 0.95}).weight_decay(0.5);

struct Training {
  explicit Training(at::ScalarType type) {
    torch::manual_seed(1);
    for (const auto& shape : std::vector<std::vector<int64_t>>{{33, 7}, {5}, {}, {3001}})
      parameters.push_back(torch::randn(shape, type).requires_grad_());
    std::vector<OptimizerParamGroup> groups{OptimizerParamGroup({parameters[0], parameters[1]}),
                                            OptimizerParamGroup({parameters[2], parameters[3]})};
    groups[1].set_options(std::make_unique<LionOptions>(kOfSecond));
    lion = std::make_unique<Lion>(groups, kOfFirst);
  }

  // The second parameter has a gradient in every third step only.
  void set_gradients(int step) {
    torch::manual_seed(100 + step);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor gradient = torch::randn_like(parameters[i].detach());
      parameters[i].mutable_grad() = i == 1 && step % 3 != 0 ? at::Tensor() : gradient;
    }
  }

  std::vector<at::Tensor> parameters;
  std::unique_ptr<Lion> lion;
};

// Algorithm 2 of the paper.
class Paper {
 public:
  void step(Training& training) {
    torch::NoGradGuard no_grad;
    for (size_t i = 0; i < 2; ++i) {
      const LionOptions& options = i == 0 ? kOfFirst : kOfSecond;
      const auto [beta1, beta2] = options.betas();
      const auto& group = training.lion->param_groups()[i];
      const double rate = group.options().get_lr();  // As a schedule has left it.
      for (const at::Tensor& parameter : group.params()) {
        const at::Tensor& g = parameter.grad();
        if (!g.defined()) continue;
        at::Tensor& m = m_[parameter.unsafeGetTensorImpl()];
        if (!m.defined()) m = torch::zeros_like(parameter);
        const at::Tensor c = beta1 * m + (1 - beta1) * g;
        parameter.sub_(rate * (c.sign() + options.weight_decay() * parameter));
        m = beta2 * m + (1 - beta2) * g;
      }
    }
  }

 private:
  std::map<c10::TensorImpl*, at::Tensor> m_;
};

void expect_paper(const std::function<void(Training&, int)>& step,
                  at::ScalarType type = at::kDouble, int steps = 50) {
  Training ours(type), reference(type);
  Paper paper;
  for (int i = 0; i < steps; ++i) {
    ours.set_gradients(i);
    step(ours, i);
    reference.set_gradients(i);
    paper.step(reference);
    if (i % 10 == 9) {
      for (Training* each : {&ours, &reference}) {
        for (auto& group : each->lion->param_groups())
          group.options().set_lr(group.options().get_lr() * 0.8);
      }
    }
  }
  const double tolerance = type == at::kDouble ? 1e-12 : 1e-5;
  for (size_t i = 0; i < ours.parameters.size(); ++i)
    EXPECT_TRUE(torch::allclose(ours.parameters[i], reference.parameters[i], tolerance, tolerance))
        << i;
}

TEST(Lion, StepsAsThePaperSays) {
  expect_paper([](Training& training, int) { training.lion->step(); });
}

TEST(Lion, KeepsTheOptionsOfAGroup) {
  const std::vector<at::Tensor> weight{torch::ones({2}).requires_grad_()};
  OptimizerParamGroup group(std::vector{torch::ones({2}).requires_grad_()});
  // Which is what options begin with, too.
  group.set_options(std::make_unique<LionOptions>(LionOptions(1e-3).weight_decay(0)));
  Lion lion(weight, LionOptions(1e-4).weight_decay(0.1));
  lion.add_param_group(group);
  const auto options = [&](size_t i) {
    return static_cast<const LionOptions&>(lion.param_groups()[i].options());
  };
  EXPECT_EQ(options(0).weight_decay(), 0.1);
  EXPECT_EQ(options(1).weight_decay(), 0);
  EXPECT_EQ(options(1).lr(), 1e-3);
}

TEST(Lion, StepsFusedAsThePaperSays) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    std::unique_ptr<FusedOptimizer> fused;
    expect_paper(
        [&](Training& training, int step) {
          if (step == 0) fused = FusedOptimizer::make(*training.lion);
          ASSERT_NE(fused, nullptr);
          EXPECT_EQ(fused->name(), "Lion");
          EXPECT_TRUE(fused->step(&kPlain));
        },
        type, type == at::kDouble ? 50 : 10);
  }
}

TEST(Lion, StepsAsThePaperSaysInAnyForm) {
  std::unique_ptr<FusedOptimizer> fused;
  expect_paper([&](Training& training, int step) {
    if (step == 0) fused = FusedOptimizer::make(*training.lion);
    if (step % 3 == 0) {
      training.lion->step();
    } else {
      EXPECT_TRUE(fused->step(&kPlain));
    }
    if (step % 5 != 0) return;
    std::stringstream saved;
    torch::save(*training.lion, saved);
    for (auto& group : training.lion->param_groups())
      static_cast<LionOptions&>(group.options()).lr(1).betas({0, 0}).weight_decay(1);
    training.lion->state().clear();
    torch::load(*training.lion, saved);
  });
}

// What the host does for a GPU, which takes parameters in fp32.
TEST(Lion, StepsOnAGpuAsThePaperSays) {
  using internal::FusedLion;
  std::unique_ptr<internal::GpuFused<FusedLion>> fused;
  expect_paper(
      [&](Training& training, int step) {
        if (step == 0)
          fused = std::make_unique<internal::GpuFused<FusedLion>>(
              *training.lion, at::kCPU, MomentOptions(), internal::launch_here<FusedLion>);
        // Of which nothing comes.
        const kernels::Step overflow = {.overflow = 1};
        EXPECT_TRUE(fused->step(&overflow));
        fused->count(fused->taken(), -1);
        EXPECT_TRUE(fused->step(&kPlain));
      },
      at::kFloat, 10);
}

TEST(Lion, LeavesToADerivedClassItsOwnStep) {
  struct Derived : Lion {
    using Lion::Lion;
  };
  Derived derived(std::vector{torch::ones({2}).requires_grad_()});
  EXPECT_EQ(FusedOptimizer::make(derived), nullptr);
}

TEST(Lion, CallsTheClosureForItsLoss) {
  const at::Tensor weight = torch::ones({2}).requires_grad_();
  Lion lion({weight}, 0.5);
  const at::Tensor loss = lion.step([&] {
    lion.zero_grad();
    const at::Tensor loss = weight.square().sum();
    loss.backward();
    return loss;
  });
  EXPECT_EQ(loss.item<double>(), 2);
  EXPECT_TRUE(torch::equal(weight, torch::full({2}, 0.5)));
}

TEST(Lion, DoesNotHideWhatIsNotANumber) {
  const at::Tensor weight = torch::ones({2}).requires_grad_();
  weight.mutable_grad() = torch::tensor({0.0f, std::numeric_limits<float>::quiet_NaN()});
  Lion lion({weight});
  lion.step();
  EXPECT_EQ(weight[0].item<double>(), 1);
  EXPECT_TRUE(weight[1].isnan().item<bool>());
}

TEST(Lion, RefusesOptionsOutOfRangeAndSparseGradients) {
  const std::vector<at::Tensor> weight{torch::ones({4, 2}).requires_grad_()};
  EXPECT_THROW(Lion(weight, -1), c10::Error);
  EXPECT_THROW(Lion(weight, LionOptions().betas({0.9, 1})), c10::Error);
  EXPECT_THROW(Lion(weight, LionOptions().betas({-0.1, 0.9})), c10::Error);
  EXPECT_THROW(Lion(weight, LionOptions().weight_decay(-1)), c10::Error);
  OptimizerParamGroup group(weight);
  group.set_options(std::make_unique<LionOptions>(-1));
  EXPECT_THROW(Lion({group}, 1e-4), c10::Error);
  Lion lion(weight);
  EXPECT_THROW(lion.add_param_group(group), c10::Error);
  torch::embedding(weight[0], torch::tensor({1}), -1, false, /*sparse=*/true).sum().backward();
  EXPECT_FALSE(FusedOptimizer::make(lion)->step(&kPlain));
  EXPECT_THROW(lion.step(), c10::Error);
}

TEST(Lion, LetsOneCycleMoveItsFirstBeta) {
  Lion lion(std::vector{torch::ones({2}).requires_grad_()}, LionOptions().betas({0.9, 0.98}));
  OneCycle cycle(lion, {.max_lr = 0.1, .total_steps = 10, .max_momentum = 0.95});
  const auto& options = static_cast<const LionOptions&>(lion.param_groups()[0].options());
  EXPECT_DOUBLE_EQ(std::get<0>(options.betas()), 0.95);
  cycle.step();
  EXPECT_LT(std::get<0>(options.betas()), 0.95);
  EXPECT_DOUBLE_EQ(std::get<1>(options.betas()), 0.98);
}

}  // namespace
}  // namespace accelerate
