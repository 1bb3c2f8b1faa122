#include "accelerate/libtorch/tested_version.h"

#include <gtest/gtest.h>

#include <string>

namespace accelerate::internal {
namespace {

std::string minor_of(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

TEST(TestedVersion, IsWhatTheBuildTakes) {
  EXPECT_EQ("2." + std::to_string(kOldestLibTorchMinor), minor_of(OLDEST_PINNED));
  EXPECT_EQ("2." + std::to_string(kNewestLibTorchMinor), minor_of(NEWEST_PINNED));
}

}  // namespace
}  // namespace accelerate::internal
