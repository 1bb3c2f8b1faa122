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

using testing::ElementsAreArray;
using testing::UnorderedElementsAreArray;

std::vector<std::string> words(const char* joined) { return absl::StrSplit(joined, ','); }

TEST(PolicyWords, OfStrategiesAreTheNamesOfTheirTypes) {
  std::vector<std::string> names;
  PolicyList<ACCELERATE_STRATEGY_TYPES>::for_each(
      [&]<class S>() { names.emplace_back(S::traits.name); });
  EXPECT_THAT(words(ACCELERATE_STRATEGY_WORDS), ElementsAreArray(names));
}

// Where nothing is fixed, a launch can still choose whatever a build could.
TEST(PolicyWords, OfStrategiesAreWhatALaunchCanChoose) {
  PolicyList<ACCELERATE_STRATEGY_TYPES>::for_each([]<class Fixed>() {
    bool is_built = false;
    BuiltStrategies::for_each([&]<class S>() {
      const StrategyTraits &built = S::traits, &fixed = Fixed::traits;
      is_built |= built.device == fixed.device && built.multi_process == fixed.multi_process &&
                  built.sharding.value_or(fixed.sharding.value()) == fixed.sharding;
    });
    EXPECT_TRUE(is_built) << Fixed::traits;
  });
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
