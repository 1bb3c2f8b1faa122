// Gradients of all kinds, on several processes: complex and sparse ones, those that only some ranks
// have, and parameters whose hook the program takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>

#include "accelerate/comm/operations.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/gradients/reducer_test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Whether its gradient is of this rank alone, whenever the optimizer has stepped.
bool is_local(const GradientSync& sync, const at::Tensor& parameter) {
  return sync.may_step(parameter, /*stepped_at=*/-1) == StepRight::kNotSynced;
}

class GradientKinds : public GradientReducerTest {
 protected:
  // The rows that this rank looks up in a table, some of which others look up as well.
  at::Tensor rows() const { return torch::tensor({1, 1, rank_ + 2}); }
  at::Tensor lookup(const at::Tensor& table, bool sparse = true) const {
    return torch::embedding(table, rows(), -1, false, sparse).sum() *
           static_cast<double>(rank_ + 1);
  }
  // What lookup() leaves, averaged.
  at::Tensor mean_of_lookups(const at::Tensor& table) {
    at::Tensor own = torch::zeros(table.sizes(), table.options());
    own.index_add_(0, rows(), torch::full({3, table.size(1)}, rank_ + 1.0, table.options()));
    return reduce(*world_, own, ReduceOp::kMean, 1.0);
  }
};

TEST_F(GradientKinds, OfAnotherTypeThanTheParameterAreRefused) {
  auto parameters = make_parameters({{3}, {2}});
  GradientReducer reducer(*world_, parameters, {.overlap = false});
  reducer.begin(true);
  (parameters[0].tensor.sum() + parameters[1].tensor.sum()).backward();
  at::Tensor& gradient = parameters[1].tensor.mutable_grad();
  gradient = gradient.to(at::kBFloat16);
  EXPECT_THAT(
      message_of([&] { reducer.finish(); }),
      HasSubstr("the gradient of `p1` is of type BFloat16, and the parameter of type Float"));
  reducer.abandon();
}

TEST_F(GradientKinds, OfComplexNumbersAreAveraged) {
  for (const auto type : {at::kComplexFloat, at::kComplexDouble}) {
    std::vector<NamedParameter> parameters = make_parameters({{3}, {2, 2}}, type);
    parameters.push_back(make_parameters({{2}})[0]);
    GradientReducer reducer(*world_, parameters, {.compression = GradientCompression::kBf16});
    for (int step = 0; step < 2; ++step) {
      for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
      reducer.begin(true);
      const auto factor = c10::complex<double>(1, rank_ + 1);
      at::Tensor loss = parameters[2].tensor.sum();
      for (int i : {0, 1}) loss = loss + torch::real(parameters[i].tensor * factor).sum();
      loss.backward();
      reducer.finish();
      for (int i : {0, 1}) {
        const at::Tensor& gradient = parameters[i].tensor.grad();
        EXPECT_EQ(gradient.scalar_type(), type);
        EXPECT_TRUE(torch::allclose(
            gradient, torch::full(gradient.sizes(), c10::complex<double>(1, -mean()), type)))
            << gradient;
        EXPECT_TRUE(reducer.is_synced(parameters[i].tensor));
      }
    }
    // Used on one rank only, which the number behind them says.
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    reducer.begin(true);
    torch::real(parameters[rank_ == 0 ? 0 : 1].tensor).sum().backward();
    const std::string message = message_of([&] { reducer.finish(); });
    EXPECT_THAT(message, HasSubstr("`p0` (on 1 of "));
  }
}

TEST_F(GradientKinds, ThatAreSparseAreAveragedAndStaySparse) {
  auto parameters = make_parameters({{2}, {size_ + 3, 4}});
  GradientReducer reducer(*world_, parameters, {});
  const at::Tensor& table = parameters[1].tensor;
  const at::Tensor expected = mean_of_lookups(table.detach());
  // In the first step they are found out, in the next they are known; then they are added up.
  for (int step = 0; step < 4; ++step) {
    const bool kept = step == 3;
    for (auto& parameter : parameters) {
      if (!kept) parameter.tensor.mutable_grad().reset();
    }
    reducer.begin(true);
    (parameters[0].tensor.sum() * static_cast<double>(rank_ + 1) + lookup(table)).backward();
    reducer.finish();
    EXPECT_TRUE(table.grad().is_sparse());
    EXPECT_TRUE(torch::allclose(table.grad().to_dense(), expected * (kept ? 2 : 1)));
    EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), mean() * (kept ? 2 : 1));
    EXPECT_TRUE(reducer.is_synced(table));
    EXPECT_FALSE(reducer.has_local_gradients());
  }
  // A table that is looked up densely from then on, and again sparsely.
  for (const bool sparse : {false, false, true}) {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    reducer.begin(true);
    (parameters[0].tensor.sum() + lookup(table, sparse)).backward();
    reducer.finish();
    EXPECT_EQ(table.grad().is_sparse(), sparse);
    EXPECT_TRUE(torch::allclose(table.grad().to_dense(), expected));
    EXPECT_TRUE(reducer.is_synced(table) && reducer.is_synced(parameters[0].tensor));
  }
}

TEST_F(GradientKinds, ThatAreSparseMayBeAllThereAreAndNoneOnARankWithoutData) {
  auto parameters = make_parameters({{size_ + 3, 2}});
  GradientReducer reducer(*world_, parameters, {});
  for (int step = 0; step < 2; ++step) {
    parameters[0].tensor.mutable_grad().reset();
    if (rank_ == 0) {
      mean_of_lookups(torch::zeros({size_ + 3, 2}));
      reducer.shadow();
      EXPECT_FALSE(parameters[0].tensor.grad().defined());
      continue;
    }
    at::Tensor expected = mean_of_lookups(torch::zeros({size_ + 3, 2}));
    // Without the part of rank 0.
    expected.index_add_(0, torch::tensor({1, 1, 2}), torch::full({3, 2}, -1.0 / size_));
    reducer.begin(true);
    lookup(parameters[0].tensor).backward();
    reducer.finish();
    EXPECT_TRUE(torch::allclose(parameters[0].tensor.grad().to_dense(), expected, 1e-5, 1e-6));
  }
}

TEST_F(GradientKinds, ThatAreSparseOnSomeRanksOnlyAreAnError) {
  auto parameters = make_parameters({{size_ + 3, 4}});
  GradientReducer reducer(*world_, parameters, {.find_unused_parameters = true});
  reducer.begin(true);
  lookup(parameters[0].tensor, /*sparse=*/rank_ == 0).backward();
  const std::string message = message_of([&] { reducer.finish(); });
  EXPECT_THAT(message,
              HasSubstr("sparse gradient on some processes and a dense one on others: `p0`"));
}

TEST_F(GradientKinds, OfWhatOnlySomeRanksUsedAreMeansWithZerosWhereThatIsAskedFor) {
  auto parameters = make_parameters({{2}, {2}, {2}, {size_ + 3, 2}});
  GradientReducer reducer(
      *world_, parameters,
      {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny, .find_unused_parameters = true});
  for (int step = 0; step < 6; ++step) {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    // All use p0 and none p1; one rank uses p2, and another the table, or none does.
    const int user = step % 2 == 0 ? step % size_ : -1;
    reducer.begin(true);
    at::Tensor loss = loss_of({parameters[0]});
    if (rank_ == user) loss = loss + loss_of({parameters[2]});
    if (rank_ == user)
      loss = loss + torch::embedding(parameters[3].tensor, rows(), -1, false, true).sum();
    loss.backward();
    reducer.finish();
    EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), mean());
    EXPECT_FALSE(parameters[1].tensor.grad().defined());
    for (int i : {2, 3}) {
      const at::Tensor& gradient = parameters[i].tensor.grad();
      ASSERT_EQ(gradient.defined(), user >= 0);
      if (user < 0) continue;
      const double expected = i == 2 ? 2 * (user + 1.0) / size_ : 6.0 / size_;
      EXPECT_NEAR(gradient.to_dense().sum().item<double>(), expected, 1e-5);
      EXPECT_TRUE(reducer.is_synced(parameters[i].tensor));
    }
  }
}

TEST_F(GradientKinds, OfWhatOnlySomeRanksUsedAreAnErrorOtherwiseWhichNamesTheOption) {
  auto parameters = make_parameters({{2}, {2}});
  GradientReducer reducer(*world_, parameters, {});
  reducer.begin(true);
  loss_of({parameters[rank_ == 0 ? 0 : 1]}).backward();
  const std::string message = message_of([&] { reducer.finish(); });
  EXPECT_THAT(message, HasSubstr("gradients.find_unused_parameters"));
}

// A hook of the program's own, which has no idea of others.
struct Doubling : torch::autograd::PostAccumulateGradHook {
  explicit Doubling(int& calls) : calls(calls) {}
  void operator()(const at::Tensor& parameter) override {
    ++calls;
    torch::NoGradGuard no_grad;
    parameter.grad().mul_(2);
  }
  int& calls;
};

TEST_F(GradientKinds, AreAveragedWhateverHooksTheProgramSets) {
  auto parameters = make_parameters({{2}, {2}});
  GradientReducer reducer(*world_, parameters, {.bucket_cap_mb = kTiny, .first_bucket_mb = kTiny});
  int calls = 0;
  // In every step anew, and none in the end.
  for (int step = 0; step < 4; ++step) {
    const bool doubles = step < 3;
    for (auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
    std::unique_ptr<torch::autograd::PostAccumulateGradHook> hook;
    if (doubles) hook = std::make_unique<Doubling>(calls);
    torch::autograd::impl::set_post_acc_grad_hooks(parameters[0].tensor, std::move(hook));
    reducer.begin(true);
    loss_of(parameters).backward();
    EXPECT_TRUE(reducer.has_local_gradients());
    reducer.finish();
    EXPECT_EQ(calls, std::min(step + 1, 3));
    EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), mean() * (doubles ? 2 : 1));
    EXPECT_FLOAT_EQ(parameters[1].tensor.grad()[0].item<float>(), mean());
  }
}

TEST_F(GradientKinds, AreKnownToBeLocalWhateverHooksTheProgramSets) {
  auto parameters = make_parameters({{2}});
  GradientReducer reducer(*world_, parameters, {});
  int calls = 0;
  const at::Tensor& tensor = parameters[0].tensor;
  torch::autograd::impl::set_post_acc_grad_hooks(tensor, std::make_unique<Doubling>(calls));
  EXPECT_FALSE(reducer.has_local_gradients());
  // A backward pass that the reducer hears nothing of.
  loss_of(parameters).backward();
  EXPECT_TRUE(reducer.has_local_gradients());
  EXPECT_TRUE(is_local(reducer, tensor));
  reducer.restore_hooks();
  EXPECT_TRUE(is_local(reducer, tensor));
  reducer.finish();
  EXPECT_TRUE(reducer.is_synced(tensor));
  EXPECT_FALSE(is_local(reducer, tensor));
  torch::autograd::impl::set_post_acc_grad_hooks(tensor, nullptr);
  EXPECT_TRUE(reducer.is_synced(tensor));
  EXPECT_FALSE(is_local(reducer, tensor));
}

TEST_F(GradientKinds, AreKnownToTheReducerThatTakesThePlaceOfAnother) {
  auto parameters = make_parameters({{2}, {2}, {2}});
  auto first = std::make_unique<GradientReducer>(*world_, parameters, GradientOptions());
  first->begin(true);
  loss_of({parameters[0], parameters[1]}).backward();
  first->finish();
  loss_of({parameters[1]}).backward();
  const GradientNotes notes = first->notes();
  first.reset();
  GradientReducer second(*world_, parameters, {}, notes);
  EXPECT_TRUE(second.is_synced(parameters[0].tensor));
  EXPECT_TRUE(is_local(second, parameters[1].tensor));
  EXPECT_FALSE(second.is_synced(parameters[2].tensor) || is_local(second, parameters[2].tensor));
  EXPECT_EQ(second.rounds(), notes.rounds);
  EXPECT_GT(notes.rounds, 0);
}

TEST_F(GradientKinds, ThatAreNegatedOrConjugatedViewsAreReadByTheirValues) {
  std::vector<NamedParameter> parameters = make_parameters({{3}});
  parameters.push_back(make_parameters({{3}}, at::kComplexFloat)[0]);
  GradientReducer reducer(*world_, parameters, {});
  const auto value = c10::complex<double>(1, rank_ + 1);
  at::Tensor& negated = parameters[0].tensor.mutable_grad();
  negated = torch::imag(torch::full({3}, value, at::kComplexFloat).conj());
  at::Tensor& conjugated = parameters[1].tensor.mutable_grad();
  conjugated = torch::full({3}, value, at::kComplexFloat).conj();
  ASSERT_TRUE(negated.is_neg() && conjugated.is_conj());
  reducer.finish();
  EXPECT_TRUE(torch::allclose(negated, torch::full({3}, -mean())));
  EXPECT_TRUE(torch::allclose(
      conjugated, torch::full({3}, c10::complex<double>(1, -mean()), at::kComplexFloat)));
}

}  // namespace
}  // namespace accelerate
