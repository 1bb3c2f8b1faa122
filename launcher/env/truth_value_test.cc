#include "launcher/env/truth_value.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::StartsWith;

TEST(TruthValue, KnowsTheUsualWordsInAnyCase) {
  for (const std::string text : {"y", "yes", "t", "true", "on", "1", "True", "YES", "oN"}) {
    const absl::StatusOr<bool> value = parse_truth_value("V", text);
    ASSERT_TRUE(value.ok()) << text;
    EXPECT_TRUE(*value) << text;
  }
  for (const std::string text : {"n", "no", "f", "false", "off", "0", "False", "NO", "oFf"}) {
    const absl::StatusOr<bool> value = parse_truth_value("V", text);
    ASSERT_TRUE(value.ok()) << text;
    EXPECT_FALSE(*value) << text;
  }
}

TEST(TruthValue, RefusesAnythingElse) {
  for (const std::string text : {"", "2", "truely", " true"}) {
    EXPECT_THAT(std::string(parse_truth_value("ACCELERATE_USE_CPU", text).status().message()),
                StartsWith("ACCELERATE_USE_CPU: invalid truth value " + text + ";"));
  }
}

TEST(TruthValue, IsFalseWhereTheVariableIsNotSet) {
  const auto nothing = [](const std::string&) -> std::optional<std::string> { return {}; };
  const auto everything = [](const std::string&) -> std::optional<std::string> { return "on"; };
  EXPECT_FALSE(*read_truth_value("V", nothing));
  EXPECT_TRUE(*read_truth_value("V", everything));
}

}  // namespace
}  // namespace accelerate::launcher
