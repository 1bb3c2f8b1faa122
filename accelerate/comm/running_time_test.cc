#include "accelerate/comm/running_time.h"

#include "gtest/gtest.h"

namespace accelerate {
namespace {

using std::chrono::seconds;

TEST(RunningTime, LeavesOutWhatAProcessWasStoppedFor) {
  const RunningTime::Clock::time_point begin{};
  RunningTime time(begin);
  EXPECT_EQ(time.at(begin + seconds(1)), seconds(1));
  // As long as a process may sleep on a busy machine.
  EXPECT_EQ(time.at(begin + seconds(6)), seconds(6));
  EXPECT_EQ(time.at(begin + seconds(4000)), seconds(6));
  EXPECT_EQ(time.at(begin + seconds(4001)), seconds(7));
}

}  // namespace
}  // namespace accelerate
