#include <signal.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

int count(const std::string& text, const std::string& part) {
  int number = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++number;
  return number;
}

TEST(Restart, TellsEachAttemptItsNumber) {
  Subprocess program(
      shells({"--num_processes=2", "--max_restarts=2"},
             "echo attempt $TORCHELASTIC_RESTART_COUNT of $TORCHELASTIC_MAX_RESTARTS; "
             "test $TORCHELASTIC_RESTART_COUNT = 1 || { test $RANK = 0 && exit 5; sleep 1000; }"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(count(program.output(), "attempt 1 of 2\n"), 2);
  EXPECT_THAT(program.output(), Not(HasSubstr("attempt 2")));
  EXPECT_THAT(program.errors(), ContainsRegex("^accelerate: rank 0 of 2 .process [0-9]+. exited "
                                              "with code 5; all processes start again .restart 1 "
                                              "of 2.[.]\n$"));
}

TEST(Restart, EndsWithTheCodeAndTheReportOfTheLastAttempt) {
  Subprocess program(
      shells({"--num_processes=2", "--max_restarts=2"},
             "test $RANK = 0 && sleep 1000; echo reason $TORCHELASTIC_RESTART_COUNT >&2; "
             "exit $((10 + TORCHELASTIC_RESTART_COUNT))"));
  EXPECT_EQ(program.wait(), 12);
  EXPECT_THAT(program.errors(),
              AllOf(HasSubstr("exited with code 10; all"), HasSubstr("exited with code 11; all"),
                    HasSubstr("exited with code 12; the others were stopped"),
                    EndsWith("ended with this on standard error:\n  | reason 2\n")));
  EXPECT_TRUE(program.vanishes());
}

TEST(Restart, LeavesNothingOfAnAttemptToTheNextOne) {
  Subprocess program(
      shells({"--num_processes=2", "--max_restarts=1"},
             "trap '' TERM; sleep 1000 & test $TORCHELASTIC_RESTART_COUNT = 0 && exit 1; "
             "echo ready $RANK; wait"));
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  EXPECT_TRUE(eventually([&] { return program.descendants().size() == 6; }))
      << "itself, the watchdog, and two of each rank";
  program.send_signal(SIGKILL);
  EXPECT_TRUE(program.vanishes()) << "the watchdog is that of the second attempt";
}

TEST(Restart, KeepsTheOutputOfEachAttempt) {
  const std::string log_dir = testing::TempDir() + "/attempts";
  Subprocess program(shells({"--num_processes=1", "--max_restarts=1", "--log_dir=" + log_dir},
                            "echo $TORCHELASTIC_RESTART_COUNT; echo $TORCHELASTIC_ERROR_FILE; "
                            "exit $((1 - TORCHELASTIC_RESTART_COUNT))"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              ContainsRegex("^0\n.*/attempt_0/0/error.json\n1\n.*/attempt_1/0/error.json\n$"));
  EXPECT_THAT(program.errors(), HasSubstr("exited with code 1; it starts again (restart 1 of 1)"));
}

TEST(Restart, GivesEachAttemptAStoreOfItsOwn) {
  Subprocess program(shells({"--num_processes=2", "--max_restarts=1", "takes_store_socket=1"},
                            "echo socket ${ACCELERATE_STORE_FD:+yes}; "
                            "exit $((1 - TORCHELASTIC_RESTART_COUNT))"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_GE(count(program.output(), "socket yes\n"), 1);
}

TEST(Restart, DoesNotFollowASignalThatCameWhileTheOthersWereStopped) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::string ready = testing::TempDir() + "/ready" + std::to_string(signal);
    std::filesystem::remove(ready);
    Subprocess program(shells({"--num_processes=2", "--max_restarts=2"},
                              "if [ $RANK = 1 ]; then until [ -e " + ready +
                                  " ]; do sleep 0.01; done; exit 3; fi; trap 'echo stopping' TERM; "
                                  "touch " +
                                  ready + "; until read line; do :; done"));
    program.wait_for_output("stopping\n");
    program.send_signal(signal);
    program.write_input("\n");
    EXPECT_EQ(program.wait(), 128 + signal);
    EXPECT_THAT(program.errors(), HasSubstr("exited with code 3; nothing starts again after SIG"));
    EXPECT_TRUE(program.vanishes());
  }
}

TEST(Restart, IsForFailuresOfWorkersAlone) {
  Subprocess missing(launched({"--num_processes=2", "--max_restarts=3", "/no/such/program"}));
  EXPECT_EQ(missing.wait(), 127);
  EXPECT_EQ(count(missing.errors(), "accelerate:"), 1) << missing.errors();

  Subprocess stopped(
      shells({"--num_processes=2", "--max_restarts=3"}, "echo ready $RANK; exec sleep 1000"));
  stopped.wait_for_output("ready 0\n");
  stopped.wait_for_output("ready 1\n");
  stopped.send_signal(SIGTERM);
  EXPECT_EQ(stopped.wait(), 128 + SIGTERM);
  EXPECT_EQ(stopped.errors(), "accelerate: SIGTERM received; all processes were stopped.\n");
}

}  // namespace
}  // namespace accelerate::launcher
