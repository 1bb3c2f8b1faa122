#include "launcher/supervisor/open_file_limit.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr rlim_t kHard = 2000;

// Nobody can raise a hard limit again, so that each test has a process of its own.
struct LimitedChild {
  rlim_t soft;
  OpenFiles files;

  // The soft limit afterwards; 0 where there was an error.
  rlim_t limit() const {
    int ends[2] = {-1, -1};
    if (pipe(ends) != 0) return 0;
    if (const pid_t child = fork(); child == 0) {
      rlimit limit = {.rlim_cur = soft, .rlim_max = kHard};
      setrlimit(RLIMIT_NOFILE, &limit);
      const bool is_ok = make_room_for_files(files).ok();
      getrlimit(RLIMIT_NOFILE, &limit);
      const rlim_t result = is_ok ? limit.rlim_cur : 0;
      _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    rlim_t result = 0;
    EXPECT_EQ(read(ends[0], &result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
    wait(nullptr);
    close(ends[0]);
    close(ends[1]);
    return result;
  }
};

TEST(OpenFileLimit, IsRaisedWhereItIsTooLow) {
  EXPECT_EQ((LimitedChild{100, {.needed = 50, .welcome = 80}}.limit()), 100);
  EXPECT_EQ((LimitedChild{100, {.needed = 150}}.limit()), 150);
  EXPECT_EQ((LimitedChild{100, {.needed = 150, .welcome = 500}}.limit()), 500);
  EXPECT_EQ((LimitedChild{100, {.needed = 150, .welcome = 5000}}.limit()), kHard);
  EXPECT_EQ((LimitedChild{100, {.needed = kHard + 1}}.limit()), 0);
}

std::string with_limits(const std::string& soft, const std::string& hard, const std::string& rest) {
  return "ulimit -Sn " + soft + " && ulimit -Hn " + hard + " && exec \"$LAUNCHING_PROGRAM\" " +
         rest;
}

TEST(OpenFileLimit, IsNoObstacleToManyRanksWithLogs) {
  const std::string logs = testing::TempDir() + "/many_logs";
  const std::string many = "--num_processes=24 --tee=3 --log_dir=" + logs + " true";
  const ProgramEnd raised =
      run_to_end({.arguments = {"/bin/sh", "-c", with_limits("64", "400", many)}});
  EXPECT_EQ(raised.code, 0) << raised.errors;
  const ProgramEnd too_low =
      run_to_end({.arguments = {"/bin/sh", "-c", with_limits("64", "100", many)}});
  EXPECT_EQ(too_low.code, 2);
  EXPECT_THAT(too_low.errors,
              AllOf(HasSubstr("files must be open at once, and the limit is 100; raise it"),
                    HasSubstr("--log_dir")));
}

}  // namespace
}  // namespace accelerate::launcher
