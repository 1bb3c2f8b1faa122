#include "launcher/supervisor/restart_pause.h"

#include <signal.h>

#include <chrono>
#include <optional>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;

TEST(RestartPause, GrowsUpToABound) {
  const LaunchPlan plan;
  EXPECT_EQ(restart_pause(plan, 0), milliseconds(0));
  EXPECT_EQ(restart_pause(plan, 1), milliseconds(100));
  EXPECT_EQ(restart_pause(plan, 2), milliseconds(200));
  EXPECT_EQ(restart_pause(plan, 4), milliseconds(800));
  for (const int attempt : {20, 1000, 2147483647}) {
    EXPECT_EQ(restart_pause(plan, attempt), std::chrono::seconds(10));
  }
  EXPECT_EQ(restart_pause({.restart_pause = milliseconds(0)}, 3), milliseconds(0));
}

TEST(RestartPause, EndsForASignalThatEndsTheJob) {
  SignalScope signals({SIGUSR2, SIGCONT});
  for (const int warning : {SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT}) raise(warning);
  EXPECT_EQ(wait_unless_signalled(milliseconds(1), signals), std::nullopt);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    raise(signal);
    EXPECT_EQ(wait_unless_signalled(std::chrono::hours(1), signals), signal);
  }
}

}  // namespace
}  // namespace accelerate::launcher
