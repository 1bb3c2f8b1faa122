// What can be shown without a GPU. That cuBLASLt's results are those of LibTorch is shown by
// accelerate/nn/fused_linear_gpu_test.cc, on a machine that has one.
#include "kernels/linear/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "kernels/linear/linear_problem.h"
#include "kernels/linear/matmul_layout.h"

namespace accelerate::kernels {
namespace {

using testing::HasSubstr;

constexpr LinearProblem kProblem = {.rows = 3, .in = 8, .out = 16, .bias = true};

std::string refusal(const LinearProblem& problem) {
  const absl::Status status = check_linear(problem);
  EXPECT_TRUE(status.ok() || absl::IsUnimplemented(status)) << status;
  return std::string(status.message());
}

TEST(LinearProblem, IsOfTypesAndSizesThatCublasLtTakes) {
  LinearProblem problem = kProblem;
  for (const ElementType type : {ElementType::kFloat, ElementType::kHalf, ElementType::kBFloat16}) {
    problem.type = type;
    EXPECT_EQ(refusal(problem), "");
  }
  problem.rows = 1;
  EXPECT_EQ(refusal(problem), "");
  problem.bias = false;
  problem.activation = Activation::kRelu;
  EXPECT_EQ(refusal(problem), "");
}

TEST(LinearProblem, IsRefusedWithASentence) {
  const auto changed = [](auto change) {
    LinearProblem problem = kProblem;
    change(problem);
    return refusal(problem);
  };
  EXPECT_THAT(changed([](auto& problem) { problem.type = ElementType::kDouble; }),
              HasSubstr("not fp64"));
  EXPECT_THAT(changed([](auto& problem) { problem.rows = 0; }), HasSubstr("0 rows"));
  EXPECT_THAT(changed([](auto& problem) { problem.in = -8; }), HasSubstr("-8 inputs"));
  EXPECT_THAT(changed([](auto& problem) { problem.in = 12; }), HasSubstr("multiples of 8"));
  EXPECT_THAT(changed([](auto& problem) { problem.out = 1; }), HasSubstr("multiples of 8"));
  EXPECT_THAT(changed([](auto& problem) { problem.bias = false; }), HasSubstr("nothing to fuse"));
}

TEST(LinearProblem, KeepsWhatGeluGotForABackwardPassOnly) {
  LinearProblem problem = kProblem;
  problem.backward = true;
  EXPECT_FALSE(problem.keeps_gelu_input());
  problem.activation = Activation::kGeluTanh;
  EXPECT_TRUE(problem.keeps_gelu_input());
  problem.backward = false;
  EXPECT_FALSE(problem.keeps_gelu_input());
}

// cuBLAS's definition: D = op(A) · op(B), and each matrix begins a column every ld elements.
std::vector<double> multiply(const MatmulLayout& layout, const std::vector<double>& a,
                             const std::vector<double>& b) {
  std::vector<double> d(layout.n * layout.ldd);
  for (int64_t i = 0; i < layout.m; ++i) {
    for (int64_t j = 0; j < layout.n; ++j) {
      for (int64_t l = 0; l < layout.k; ++l) {
        d[i + j * layout.ldd] +=
            a.at(layout.transpose_a ? l + i * layout.lda : i + l * layout.lda) *
            b.at(layout.transpose_b ? j + l * layout.ldb : l + j * layout.ldb);
      }
    }
  }
  return d;
}

std::vector<double> numbers(int64_t count, int64_t factor) {
  std::vector<double> all(count);
  for (int64_t i = 0; i < count; ++i) all[i] = static_cast<double>(i * factor % 11 - 5);
  return all;
}

TEST(MatmulLayout, OfTheForwardPassIsInputTimesTransposedWeight) {
  const auto [rows, in, out] = std::tuple(kProblem.rows, kProblem.in, kProblem.out);
  const auto input = numbers(rows * in, 3), weight = numbers(out * in, 7);
  std::vector<double> expected(rows * out);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t o = 0; o < out; ++o)
      for (int64_t i = 0; i < in; ++i)
        expected[row * out + o] += input[row * in + i] * weight[o * in + i];
  EXPECT_EQ(multiply(forward_layout(kProblem), weight, input), expected);
}

TEST(MatmulLayout, OfTheWeightGradientSumsOverRows) {
  const auto [rows, in, out] = std::tuple(kProblem.rows, kProblem.in, kProblem.out);
  const auto input = numbers(rows * in, 3), gradient = numbers(rows * out, 7);
  std::vector<double> expected(out * in);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t o = 0; o < out; ++o)
      for (int64_t i = 0; i < in; ++i)
        expected[o * in + i] += gradient[row * out + o] * input[row * in + i];
  EXPECT_EQ(multiply(weight_gradient_layout(kProblem), input, gradient), expected);
}

// The lengths of bias and bias gradient, which cuBLASLt takes from D and documents for BIAS and
// BGRADB.
TEST(MatmulLayout, HasTheOutputsWhereTheEpilogueLooksForTheBias) {
  EXPECT_EQ(forward_layout(kProblem).m, kProblem.out);
  EXPECT_EQ(weight_gradient_layout(kProblem).n, kProblem.out);
  EXPECT_EQ(weight_gradient_layout(kProblem).k, kProblem.rows);
}

TEST(FindLinear, RefusesWhatNoGpuTakes) {
  LinearProblem problem = kProblem;
  problem.out = 1;
  const absl::Status status = find_linear(problem, 0);
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
}

}  // namespace
}  // namespace accelerate::kernels
