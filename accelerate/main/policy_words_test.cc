// That builds, programs and launches have the same words for strategies and precisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "accelerate/main/policies.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::internal {
namespace {

using testing::UnorderedElementsAreArray;

std::vector<std::string> words(const char* joined) { return absl::StrSplit(joined, ','); }

TEST(PolicyWords, OfStrategiesAreThoseOfBuilds) {
  std::vector<std::string> names;
  BuiltStrategies::for_each([&]<class S>() { names.emplace_back(S::traits.name); });
  EXPECT_THAT(words(ACCELERATE_STRATEGY_WORDS), UnorderedElementsAreArray(names));
}

TEST(PolicyWords, OfPrecisionsAreThoseOfBuildsAndLaunches) {
  std::vector<std::string> names, launched;
  BuiltPrecisions::for_each([&]<class P>() { names.emplace_back(P::traits.name); });
  for (const std::string& word : words(ACCELERATE_PRECISION_WORDS)) {
    const auto precision = launcher::parse_mixed_precision(word);
    ASSERT_TRUE(precision.ok()) << precision.status();
    // Which has a name of its own for full precision.
    launched.push_back(launcher::to_string(*precision));
  }
  EXPECT_THAT(launched, UnorderedElementsAreArray(names));
}

}  // namespace
}  // namespace accelerate::internal
