#include "accelerate/logging/level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace accelerate {
namespace {

using testing::Optional;

TEST(LogLevel, IsFoundByItsWord) {
  for (int i = 0; i <= static_cast<int>(LogLevel::kOff); ++i) {
    const auto level = static_cast<LogLevel>(i);
    EXPECT_THAT(find_log_level(to_string(level)), Optional(level));
  }
  EXPECT_THAT(find_log_level("warning"), Optional(LogLevel::kWarning));
  EXPECT_THAT(find_log_level("Error"), Optional(LogLevel::kError));
}

TEST(LogLevel, IsNotFoundByOthers) {
  for (const std::string word : {"", "loud", "warn", " info", "20", "info\n"})
    EXPECT_EQ(find_log_level(word), std::nullopt) << word;
}

TEST(LogLevel, OthersAreAnsweredWithThoseThatThereAre) {
  EXPECT_EQ(no_log_level("ACCELERATE_LOG_LEVEL", "loud"),
            "ACCELERATE_LOG_LEVEL=loud is no level; set it to one of TRACE, DEBUG, INFO, WARNING, "
            "ERROR, CRITICAL, OFF, or unset it");
  EXPECT_THAT(no_log_level("--level", "a\x1b[2J\n"), testing::StartsWith("--level=a [2J  is no"));
}

}  // namespace
}  // namespace accelerate
