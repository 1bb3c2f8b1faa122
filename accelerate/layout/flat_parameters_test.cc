// Runs along with the reducer's tests, on several processes at once, each for itself.
#include "accelerate/layout/flat_parameters.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

#include "accelerate/gradients/gradient_norm.h"

namespace accelerate {
namespace {

std::vector<NamedParameter> parameters_of(const torch::nn::Module& module) {
  std::vector<NamedParameter> result;
  for (const auto& item : module.named_parameters()) result.push_back({item.key(), item.value()});
  return result;
}

int64_t distance(const at::Tensor& from, const at::Tensor& to) {
  return static_cast<const char*>(to.data_ptr()) - static_cast<const char*>(from.data_ptr());
}

TEST(FlatParameters, LieInReverseOrderOneBehindTheOther) {
  torch::nn::Linear net(3, 5);
  const at::Tensor weight = net->weight.detach().clone();
  FlatParameters flat(parameters_of(*net));
  EXPECT_EQ(flat.parameters()[0].name, "bias");
  EXPECT_TRUE(torch::equal(net->weight, weight));
  // Each begins at a multiple of 64 bytes.
  EXPECT_EQ(distance(net->bias, net->weight), 64);
}

TEST(FlatParameters, KeepTheObjectsAndStrides) {
  torch::nn::Conv2d net(torch::nn::Conv2dOptions(3, 4, 3));
  net->to(at::kFloat);
  net->weight.set_data(net->weight.detach().contiguous(at::MemoryFormat::ChannelsLast));
  const auto strides = net->weight.strides().vec();
  const at::Tensor before = net->weight, values = net->weight.detach().clone();
  FlatParameters flat(parameters_of(*net));
  EXPECT_TRUE(net->weight.is_same(before));
  EXPECT_EQ(net->weight.strides(), strides);
  EXPECT_TRUE(torch::equal(net->weight, values));
}

TEST(FlatParameters, AreSavedAndLoadedLikeOthers) {
  torch::nn::Sequential net;
  for (int i = 0; i < 10; ++i) net->push_back(torch::nn::Linear(16, 16));
  const auto size_of = [&net] {
    std::ostringstream out;
    torch::save(net, out);
    return out.str().size();
  };
  const size_t before = size_of();
  FlatParameters flat(parameters_of(*net));
  EXPECT_LT(size_of(), before + before / 10);
}

TEST(FlatParameters, ComeBackWhenTheProgramMovesThem) {
  torch::nn::Linear net(3, 5);
  FlatParameters flat(parameters_of(*net));
  const void* place = net->weight.data_ptr();
  // torch::load, a round trip through another type, and data of the program's own.
  std::stringstream saved;
  torch::save(net, saved);
  torch::load(net, saved);
  net->weight.set_data(torch::full({5, 3}, 2.0));
  EXPECT_NE(net->weight.data_ptr(), place);
  EXPECT_TRUE(flat.restore());
  EXPECT_EQ(net->weight.data_ptr(), place);
  EXPECT_TRUE(torch::equal(net->weight, torch::full({5, 3}, 2.0)));
  net->to(at::kDouble);
  net->to(at::kFloat);
  EXPECT_TRUE(flat.restore());
  EXPECT_EQ(net->weight.data_ptr(), place);
  net->to(at::kDouble);
  EXPECT_FALSE(flat.restore());
}

TEST(FlatParameters, StayWhereSomebodyElseSeesTheirMemory) {
  torch::nn::Linear net(3, 5);
  const at::Tensor alias = net->weight.detach();
  FlatParameters flat(parameters_of(*net));
  torch::NoGradGuard no_grad;
  net->weight.fill_(3);
  EXPECT_TRUE(torch::equal(alias, net->weight));
  EXPECT_FALSE(flat.has_slot(1));
  EXPECT_TRUE(flat.has_slot(0));
}

TEST(FlatParameters, LeaveASlotThatTheProgramHolds) {
  torch::nn::Linear net(3, 5);
  FlatParameters flat(parameters_of(*net));
  // A detached copy of the tensor, and a view of its memory.
  for (const at::Tensor& held : {net->weight.detach(), net->bias.detach().view({5, 1})}) {
    const at::Tensor values = held.clone();
    at::Tensor& parameter = held.size(1) == 1 ? net->bias : net->weight;
    parameter.set_data(torch::full(parameter.sizes(), 2.0));
    EXPECT_TRUE(flat.restore());
    EXPECT_TRUE(torch::equal(held, values));
    EXPECT_TRUE(torch::equal(parameter, torch::full(parameter.sizes(), 2.0)));
  }
}

TEST(FlatParameters, StayInMemoryThatLibTorchDidNotMake) {
  float memory[15] = {};
  torch::nn::Linear net(3, 5);
  net->weight.set_data(torch::from_blob(memory, {5, 3}));
  FlatParameters flat(parameters_of(*net));
  EXPECT_EQ(net->weight.data_ptr(), memory);
  bool freed = false;
  net->bias.set_data(torch::from_blob(memory, {5}, [&freed](void*) { freed = true; }));
  EXPECT_TRUE(flat.restore());
  EXPECT_EQ(net->bias.data_ptr(), memory);
  EXPECT_FALSE(freed);
}

TEST(FlatParameters, AreLaidOutAnewForAnotherTypeWhereverTheyLie) {
  float memory[15] = {};
  torch::nn::Linear net(3, 5);
  net->weight.set_data(torch::from_blob(memory, {5, 3}));
  FlatParameters flat(parameters_of(*net));
  EXPECT_TRUE(flat.restore());
  net->weight.set_data(net->weight.to(torch::kDouble));
  EXPECT_FALSE(flat.restore());
}

TEST(FlatParameters, BringANegatedViewBackByItsValues) {
  torch::nn::Linear net(3, 5);
  FlatParameters flat(parameters_of(*net));
  net->weight.set_data(torch::full({5, 3}, 2.0)._neg_view());
  EXPECT_TRUE(flat.restore());
  EXPECT_FALSE(net->weight.is_neg());
  EXPECT_EQ(net->weight.sum().item<double>(), -30);
}

TEST(GradientNorm, IsOfAllElementsAndTheSameForAnyNumberOfThreads) {
  torch::manual_seed(3);
  const std::vector<at::Tensor> gradients{torch::randn({300, 1001}),
                                          torch::randn({7}).to(at::kDouble),
                                          torch::randn({100, 7}).t(), torch::empty({0})};
  double expected = 0;
  for (const at::Tensor& each : gradients)
    expected += each.to(at::kDouble).square().sum().item<double>();
  const auto squared = [&gradients] {
    GradientNorm norm;
    norm.measure(gradients);
    EXPECT_EQ(norm.norm().item<double>(), std::sqrt(norm.result()->sum));
    return norm.result()->sum;
  };
  const double found = squared();
  EXPECT_NEAR(found, expected, 1e-9 * expected);
  const int threads = at::get_num_threads();
  at::set_num_threads(4);
  EXPECT_EQ(squared(), found);
  at::set_num_threads(threads);
}

TEST(GradientNorm, FindsWhatIsNotFinite) {
  at::Tensor gradient = torch::ones({70000});
  const auto is_finite = [](const std::vector<at::Tensor>& gradients) {
    GradientNorm norm;
    norm.measure(gradients);
    return norm.result()->finite != 0;
  };
  EXPECT_TRUE(is_finite({gradient}));
  gradient[69999] = INFINITY;
  EXPECT_FALSE(is_finite({torch::ones({3}), gradient}));
  EXPECT_TRUE(is_finite({torch::full({4}, 1e200, at::kDouble)}));
  EXPECT_FALSE(GradientNorm::takes({torch::ones({3}, at::kLong)}));
  EXPECT_THROW(GradientNorm().measure({torch::ones({3}, at::kLong)}), c10::Error);
}

}  // namespace
}  // namespace accelerate
