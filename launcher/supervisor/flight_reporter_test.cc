#include "launcher/supervisor/flight_reporter.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/flight_record/flight_recorder.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kHangTimeout(400);

// A reporter, and one of two ranks, which waits for the other one.
class FlightReporterTest : public testing::Test {
 protected:
  FlightReporterTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    rank = fork();
    if (rank == 0) {
      FlightRecorder& recorder = FlightRecorder::of_process();
      recorder.attach({.path = reporter.path()});
      recorder.wait(recorder.begin({.number = 1, .num_ranks = 2}));
      close(ends[1]);
      while (true) pause();
    }
    reporter.note_start(0, rank);
    close(ends[1]);
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 0) << "it waits by now";
    close(ends[0]);
  }
  ~FlightReporterTest() override {
    kill(rank, SIGKILL);
    waitpid(rank, nullptr, 0);
  }

  FlightReporter reporter{
      {.world_size = 2, .hang_timeout = kHangTimeout, .folder = testing::TempDir()}};
  pid_t rank = 0;
};

TEST_F(FlightReporterTest, DoesNotCountTheTimeInWhichNobodyLookedAsThatWasStopped) {
  usleep(1'500'000);
  EXPECT_EQ(reporter.handle(), "");
  std::string lines;
  EXPECT_TRUE(eventually([&] {
    poll(nullptr, 0, static_cast<int>(reporter.wait().value_or(milliseconds(0)).count()));
    lines = reporter.handle();
    return !lines.empty();
  }));
  EXPECT_THAT(lines, HasSubstr("as a rank has waited for more than 0.4 s (--hang_timeout):\n"));
}

// Its debuggers stop the ranks, and others wait for those.
TEST_F(FlightReporterTest, TellsOfNoHangWhileAReportIsWrittenAndOfItAfterwards) {
  const std::string folder = testing::TempDir() + "/slow_debugger";
  const std::string debugger = folder + "/eu-stack", go_on = folder + "/go_on";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(debugger) << "#!/bin/sh\nwhile [ ! -e " << go_on
                          << " ]; do sleep 0.01; done\necho '#0 main'\n";
  std::filesystem::permissions(debugger, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  setenv("PATH", (folder + ":" + path).c_str(), 1);
  EXPECT_THAT(reporter.report_for_signal(), HasSubstr("as SIGQUIT has come"));
  setenv("PATH", path.c_str(), 1);

  const auto look = [this] {
    poll(nullptr, 0, static_cast<int>(reporter.wait().value_or(milliseconds(0)).count()));
    return reporter.handle();
  };
  std::string lines;
  for (int looks = 0; looks < 15; ++looks) lines += look();  // In more than kHangTimeout.
  EXPECT_THAT(lines, Not(HasSubstr("has waited for more than")));
  EXPECT_NE(reporter.writer(), 0) << "it is still at it";
  std::ofstream(go_on) << "";
  EXPECT_TRUE(eventually([&] {
    lines += look();
    return lines.find("has waited for more than 0.4 s") != std::string::npos;
  })) << lines;
  EXPECT_NE(reporter.writer(), 0) << "it gets a file of its own";
}

TEST_F(FlightReporterTest, LooksForNoHangWhenItHasBeenStopped) {
  EXPECT_TRUE(reporter.wait().has_value());
  reporter.stop();
  EXPECT_FALSE(reporter.wait().has_value());
  usleep(2 * 1000 * static_cast<useconds_t>(kHangTimeout.count()));
  EXPECT_EQ(reporter.handle(), "");
}

}  // namespace
}  // namespace accelerate::launcher
