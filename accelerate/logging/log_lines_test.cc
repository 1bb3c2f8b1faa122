#include "accelerate/logging/log_lines.h"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

namespace accelerate::internal {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::system_clock::time_point;

// Away from the time of the machine that runs the test.
class LogLinesTest : public testing::Test {
 protected:
  LogLinesTest() { enter("UTC-5:30"); }
  ~LogLinesTest() override { enter("UTC"); }

  static void enter(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }

  static std::string lines(const LogRecord& record, const LineStyle& style = {}) {
    return log_lines(record, Time(milliseconds(1'796'010'067'007)), style);
  }
};

TEST_F(LogLinesTest, SayWhenHowMuchItMattersAndWhoWrites) {
  EXPECT_EQ(lines({.level = LogLevel::kWarning, .logger = "data", .message = "begins"}),
            "2026-11-30 09:11:07.007 WARNING data: begins\n");
  EXPECT_EQ(lines({.level = LogLevel::kInfo, .logger = "data", .rank = 2, .message = "begins"}),
            "2026-11-30 09:11:07.007 INFO data: [rank 2] begins\n");
}

TEST_F(LogLinesTest, AreInLocalTime) {
  enter("UTC+4");
  EXPECT_EQ(lines({.logger = "data", .message = "x"}), "2026-11-29 23:41:07.007 INFO data: x\n");
}

TEST_F(LogLinesTest, CountMillisecondsFromTheSecondBefore) {
  enter("UTC");
  EXPECT_EQ(log_lines({.logger = "data"}, Time(milliseconds(-1)), {}),
            "1969-12-31 23:59:59.999 INFO data: \n");
}

TEST_F(LogLinesTest, EachBeginAlike) {
  const std::string prefix = "2026-11-30 09:11:07.007 INFO data: [rank 0] ";
  const auto of = [](std::string_view message) {
    return lines({.logger = "data", .rank = 0, .message = message});
  };
  EXPECT_EQ(of("a\nb"), prefix + "a\n" + prefix + "b\n");
  EXPECT_EQ(of("a\n"), prefix + "a\n");
  EXPECT_EQ(of("a\n\n"), prefix + "a\n" + prefix + "\n");
  EXPECT_EQ(of(""), prefix + "\n");
  EXPECT_EQ(of("\n"), prefix + "\n");
}

TEST_F(LogLinesTest, HaveTheMessageAsItIs) {
  const std::string message("Größe 7 µm\t\xff\0end", 19);
  EXPECT_EQ(lines({.logger = "dätä", .message = message}),
            "2026-11-30 09:11:07.007 INFO dätä: " + message + "\n");
}

TEST_F(LogLinesTest, HaveTheLevelInColour) {
  EXPECT_EQ(
      lines({.level = LogLevel::kError, .logger = "data", .message = "x"}, {.is_coloured = true}),
      "2026-11-30 09:11:07.007 \x1b[31mERROR\x1b[0m data: x\n");
}

}  // namespace
}  // namespace accelerate::internal
