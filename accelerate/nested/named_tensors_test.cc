#include "accelerate/nested/named_tensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/example.h>

#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const at::Tensor kOne = at::ones({1});

template <class Value>
std::vector<std::string> names_of(Value value) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_tensors(value)) names.push_back(name);
  return names;
}

TEST(NamedTensors, AreCalledAsAPersonWouldLookForThem) {
  EXPECT_THAT(names_of(kOne), ElementsAre("tensor"));
  EXPECT_THAT(names_of(torch::data::Example<>(kOne, kOne)), ElementsAre("data", "target"));
  EXPECT_THAT(names_of(torch::data::TensorExample(kOne)), ElementsAre("data"));
  using Images = std::map<std::string, std::vector<at::Tensor>>;
  EXPECT_THAT(names_of(Images{{"right", {kOne}}, {"left", {kOne, kOne}}}),
              ElementsAre("left/0", "left/1", "right/0"));
  EXPECT_THAT(names_of(std::unordered_map<int, at::Tensor>{{7, kOne}, {3, kOne}}),
              ElementsAre("3", "7"));
  struct Pair {
    at::Tensor first;
    int64_t length;
    std::optional<at::Tensor> second;
  };
  EXPECT_THAT(names_of(std::tuple(Pair{kOne, 3, kOne}, kOne)), ElementsAre("0/0", "0/2", "1"));
}

TEST(NamedTensors, LeaveOutWhatIsNone) {
  EXPECT_THAT(names_of(std::array<at::Tensor, 2>{at::Tensor(), kOne}), ElementsAre("1"));
  EXPECT_THAT(names_of(std::optional<at::Tensor>()), IsEmpty());
  EXPECT_THAT(names_of(std::pair(3, std::string("text"))), IsEmpty());
}

}  // namespace
}  // namespace accelerate
