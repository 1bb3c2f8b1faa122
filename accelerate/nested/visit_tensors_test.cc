#include "accelerate/nested/visit_tensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace accelerate {
namespace {

template <class Value>
int count_tensors(Value value) {
  int count = 0;
  visit_tensors(value, [&count](at::Tensor& tensor) { count += tensor.defined() ? 1 : 100; });
  return count;
}

struct Output {
  at::Tensor logits;
  std::vector<at::Tensor> hidden;
  int64_t length = 0;
  std::string name;
  std::optional<std::pair<at::Tensor, at::Tensor>> state;
};

struct Empty {};

struct Example {
  Example(at::Tensor data, at::Tensor target) : data(std::move(data)), target(std::move(target)) {}
  at::Tensor data, target;
};

struct Unlabelled {
  explicit Unlabelled(at::Tensor data) : data(std::move(data)) {}
  at::Tensor data;
};

struct Masked {
  at::Tensor data, target, mask;
};

const at::Tensor kOne = at::ones({1});

TEST(VisitTensors, SeesEveryTensorInNestedValues) {
  EXPECT_EQ(count_tensors(kOne), 1);
  EXPECT_EQ(count_tensors(at::Tensor()), 100);
  EXPECT_EQ(count_tensors(std::tuple(kOne, std::tuple(kOne, kOne))), 3);
  EXPECT_EQ(count_tensors(std::vector<at::Tensor>{kOne, kOne}), 2);
  EXPECT_EQ(count_tensors(std::array<at::Tensor, 3>{kOne, kOne, kOne}), 3);
  EXPECT_EQ(count_tensors(std::map<std::string, at::Tensor>{{"a", kOne}}), 1);
  EXPECT_EQ(count_tensors(std::optional<at::Tensor>()), 0);
  EXPECT_EQ(count_tensors(Output{kOne, {kOne, kOne}, 3, "name", std::pair(kOne, kOne)}), 5);
  EXPECT_EQ(count_tensors(Example(kOne, kOne)), 2);
  EXPECT_EQ(count_tensors(Unlabelled(kOne)), 1);
  EXPECT_EQ(count_tensors(Masked{kOne, kOne, kOne}), 3);
}

TEST(VisitTensors, LeavesEverythingElseAlone) {
  EXPECT_EQ(count_tensors(3), 0);
  EXPECT_EQ(count_tensors(std::string("text")), 0);
  EXPECT_EQ(count_tensors(std::vector<int>{1, 2}), 0);
  EXPECT_EQ(count_tensors(Empty{}), 0);
}

TEST(VisitTensors, ChangesInPlace) {
  Output output{kOne, {kOne}, 1, "", std::nullopt};
  visit_tensors(output, [](at::Tensor& tensor) { tensor = tensor + 1; });
  EXPECT_EQ(output.logits.item<int>(), 2);
  EXPECT_EQ(output.hidden[0].item<int>(), 2);
  EXPECT_EQ(kOne.item<int>(), 1);
}

}  // namespace
}  // namespace accelerate
