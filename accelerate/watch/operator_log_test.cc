// Where a number that is not finite is said to come from.
#include "accelerate/watch/operator_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "testing/errors/message_of.h"

namespace accelerate::internal {
namespace {

using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<NamedParameter> parameters_of(const torch::nn::Module& module) {
  std::vector<NamedParameter> parameters;
  for (const auto& item : module.named_parameters())
    parameters.push_back({item.key(), item.value()});
  return parameters;
}

TEST(OperatorLog, NamesTheFirstOperatorThatComputesNan) {
  torch::nn::Sequential net(torch::nn::Linear(2, 3), torch::nn::Tanh(), torch::nn::Linear(3, 1));
  OperatorLog log;
  const auto hidden = net[0]->as<torch::nn::Linear>()->forward(torch::ones({4, 2}));
  const auto bad = (-hidden.abs() - 1).log();
  net[2]->as<torch::nn::Linear>()->forward(bad).sum().backward();
  const FoundOperators found = log.find(parameters_of(*net));
  ASSERT_TRUE(found.nan.has_value());
  EXPECT_EQ(found.nan->name, "aten::log");
  EXPECT_EQ(found.nan->node, "");
  EXPECT_THAT(found.nan->parameter, HasSubstr("0."));
  EXPECT_FALSE(found.nan->uses_parameter);
  EXPECT_FALSE(found.infinity.has_value());
  log.clear();
  EXPECT_FALSE(log.find(parameters_of(*net)).nan.has_value());
}

TEST(OperatorLog, NamesTheParameterThatAnOperatorUses) {
  torch::nn::Linear net(2, 3);
  torch::nn::init::constant_(net->weight, 3e38);
  OperatorLog log;
  net->forward(torch::ones({4, 2}));
  const FoundOperators found = log.find(parameters_of(*net));
  ASSERT_TRUE(found.infinity.has_value());
  EXPECT_EQ(found.infinity->name, "aten::addmm");
  EXPECT_TRUE(found.infinity->uses_parameter);
  EXPECT_FALSE(found.nan.has_value());
}

TEST(OperatorLog, NamesTheParameterBehindACastOfIt) {
  torch::nn::Linear net(torch::nn::LinearOptions(2, 3).bias(false));
  OperatorLog log;
  net->weight.to(at::kBFloat16) / torch::zeros({3, 2}, at::kBFloat16);
  const FoundOperators found = log.find(parameters_of(*net));
  ASSERT_TRUE(found.infinity.has_value());
  EXPECT_EQ(found.infinity->name, "aten::div");
  EXPECT_EQ(found.infinity->parameter, "weight");
  EXPECT_TRUE(found.infinity->uses_parameter);
}

TEST(OperatorLog, NamesWhatHasMadeInfinityBeforeItBecameNan) {
  const auto x = torch::full({2}, 1000.0, torch::requires_grad());
  OperatorLog log;
  x.exp() * 0;
  const FoundOperators found = log.find({});
  ASSERT_TRUE(found.nan.has_value() && found.infinity.has_value());
  EXPECT_EQ(found.infinity->name, "aten::exp");
  EXPECT_EQ(found.nan->name, "aten::mul");
  EXPECT_EQ(found.nan->parameter, "");
}

TEST(OperatorLog, NamesTheBackwardPassOfAnOperator) {
  torch::nn::Linear net(torch::nn::LinearOptions(2, 3).bias(false));
  OperatorLog log;
  (net->forward(torch::ones({1, 2})) * 0).sqrt().sum().backward();
  const FoundOperators found = log.find(parameters_of(*net));
  ASSERT_TRUE(found.nan.has_value() && found.infinity.has_value());
  EXPECT_EQ(found.infinity->node, "SqrtBackward0");
  EXPECT_EQ(found.infinity->forward_name, "aten::sqrt");
  EXPECT_EQ(found.infinity->parameter, "weight");
  EXPECT_FALSE(found.infinity->uses_parameter);
  EXPECT_THAT(found.nan->node, HasSubstr("MulBackward"));
  EXPECT_EQ(found.nan->forward_name, "aten::mul");
}

// Masks of attention: written in place, given as a number, or made before the step.
TEST(OperatorLog, TakesNoMaskForAFault) {
  const auto additive = torch::full({4, 4}, -kInfinity).triu(1);
  const auto scores = torch::rand({4, 4}, torch::requires_grad());
  OperatorLog log;
  auto mask = torch::full({4, 4}, -kInfinity);
  mask.triu_(1);
  const auto hidden = additive == -kInfinity;
  auto sum = (scores + additive).softmax(-1).sum() + (scores + mask).softmax(-1).sum() +
             scores.masked_fill(hidden, -kInfinity).softmax(-1).sum();
  sum.backward();
  const FoundOperators found = log.find({});
  EXPECT_FALSE(found.nan.has_value());
  EXPECT_FALSE(found.infinity.has_value()) << found.infinity->name;
}

TEST(OperatorLog, FindsWhatComesBehindAMask) {
  const auto scores = torch::rand({4, 4}, torch::requires_grad());
  OperatorLog log;
  const auto masked = (scores + 0).masked_fill_(torch::eye(4).to(at::kBool), -kInfinity);
  masked.softmax(-1) / torch::zeros({4, 4});
  const FoundOperators found = log.find({});
  ASSERT_TRUE(found.nan.has_value());
  EXPECT_EQ(found.nan->name, "aten::div");
  // The zeros of the softmax make NaN, the rest infinity, in one operator.
  EXPECT_FALSE(found.infinity.has_value());
}

TEST(OperatorLog, LooksAtNothingThatHasNoGradients) {
  OperatorLog log;
  {
    torch::NoGradGuard no_grad;
    torch::full({2}, -1.0).log();
  }
  EXPECT_FALSE(log.find({}).nan.has_value());
}

TEST(OperatorLog, HoldsNoTensorAndNoGradient) {
  const auto weight = torch::rand({8}, torch::requires_grad());
  OperatorLog log;
  (weight * 2).sum().backward();
  EXPECT_EQ(weight.grad().use_count(), 1);
}

TEST(OperatorLog, LeavesNothingBehind) {
  { const OperatorLog log; }
  EXPECT_FALSE(at::hasCallbacks());
  const OperatorLog log;
  EXPECT_TRUE(at::hasCallbacks());
  EXPECT_THAT(message_of([] { OperatorLog(); }), HasSubstr("another Accelerator of this process"));
  EXPECT_TRUE(at::hasCallbacks());
}

TEST(Extremes, AreOfAnyFloatingTypeAndLayout) {
  for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    auto tensor = torch::ones({3, 4}, type);
    EXPECT_TRUE(is_finite(tensor));
    tensor[1][2] = -kInfinity;
    EXPECT_FALSE(is_finite(tensor.t()));
    EXPECT_FALSE(extremes_of(tensor)->has_nan());
    tensor[2][2] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(extremes_of(tensor)->has_nan());
    EXPECT_FALSE(is_finite(tensor.to_sparse()));
  }
  EXPECT_FALSE(is_finite(torch::complex(torch::ones({2}), torch::full({2}, kInfinity))));
  EXPECT_TRUE(is_finite(torch::ones({2}, at::kLong)));
  EXPECT_TRUE(is_finite(torch::empty({0})));
  EXPECT_TRUE(is_finite(at::Tensor()));
}

// Where no step ends.
TEST(OperatorLog, ForgetsTheOlderHalfWhereThereAreTooMany) {
  OperatorLog log;
  const auto x = torch::ones({1}, torch::requires_grad());
  const auto early = (-x).log();
  for (size_t i = 0; i < OperatorLog::kMostOperators / 2; ++i) x.exp();
  EXPECT_FALSE(log.find({}).is_cut);
  EXPECT_EQ(log.find({}).nan->name, "aten::log");
  const auto late = (-x).sqrt();
  for (size_t i = 0; i < OperatorLog::kMostOperators / 2; ++i) x.exp();
  const FoundOperators found = log.find({});
  EXPECT_TRUE(found.is_cut);
  EXPECT_EQ(found.nan->name, "aten::sqrt");
  log.clear();
  EXPECT_FALSE(log.find({}).is_cut);
}

}  // namespace
}  // namespace accelerate::internal
