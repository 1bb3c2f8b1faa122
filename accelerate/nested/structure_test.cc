#include "accelerate/nested/structure.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <variant>

namespace accelerate::internal {
namespace {

template <class Value>
std::string description_of(Value value) {
  std::string text;
  describe_structure(value, text);
  return text;
}

const at::Tensor kOne = at::ones({1});

TEST(Structure, IsNotDescribedWhereTheTypeTellsIt) {
  EXPECT_EQ(description_of(kOne), "");
  EXPECT_EQ(description_of(std::string("text")), "");
  EXPECT_EQ(description_of(std::vector<std::string>{"a", "b"}), "");
  EXPECT_EQ(description_of(std::tuple(kOne, 3, std::array<at::Tensor, 2>())), "");
}

TEST(Structure, TellsSizesKeysAndAlternatives) {
  EXPECT_EQ(description_of(std::vector<at::Tensor>(2)), "2 elements []");
  EXPECT_EQ(description_of(std::map<std::string, int>{{"b", 1}, {"a", 2}}), "{ a b }");
  EXPECT_EQ(description_of(std::unordered_map<int, at::Tensor>{{7, kOne}, {3, kOne}}), "{ 3 7 }");
  enum class Side { kLeft, kRight };
  EXPECT_EQ(description_of(std::map<std::pair<int, std::string>, at::Tensor>{{{1, "a"}, kOne}}),
            "{ (1,a) }");
  EXPECT_EQ(description_of(std::map<Side, at::Tensor>{{Side::kRight, kOne}}), "{ 1 }");
  EXPECT_EQ(description_of(std::optional<int>()), "(none)");
  EXPECT_EQ(description_of(std::optional<int>(1)), "()");
  EXPECT_EQ(description_of(std::variant<int, at::Tensor>(kOne)), "alternative 1 ()");
  struct Output {
    std::vector<std::optional<at::Tensor>> hidden;
    at::Tensor logits;
  };
  EXPECT_EQ(description_of(Output{{kOne, std::nullopt}, kOne}), "2 elements [()(none)]");
}

}  // namespace
}  // namespace accelerate::internal
