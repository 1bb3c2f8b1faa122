#include "launcher/posix/command_output.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds kShort(100);

TEST(CommandOutput, IsWhatTheProgramPrints) {
  EXPECT_EQ(*command_output({"sh", "-c", "echo one; echo unseen >&2; echo two"}), "one\ntwo\n");
  EXPECT_EQ(*command_output({"/bin/echo", "a b", "$HOME"}), "a b $HOME\n");
  EXPECT_EQ(*command_output({"cat"}), "") << "there is nothing to read";
  EXPECT_THAT(*command_output({"head", "-c", "50000", "/dev/zero"}), SizeIs(50000));
}

TEST(CommandOutput, SaysThatAProgramIsNotThere) {
  const auto output = command_output({"no-such-program-anywhere"});
  EXPECT_TRUE(absl::IsNotFound(output.status()));
  EXPECT_THAT(std::string(output.status().message()),
              HasSubstr("no-such-program-anywhere cannot be started: No such file"));
}

TEST(CommandOutput, SaysThatAProgramFailed) {
  EXPECT_THAT(std::string(command_output({"sh", "-c", "exit 3"}).status().message()),
              HasSubstr("sh failed with 3"));
  EXPECT_THAT(std::string(command_output({"sh", "-c", "kill -9 $$"}).status().message()),
              HasSubstr("sh was ended by signal 9"));
}

TEST(CommandOutput, WaitsNoLongerThanTheLimit) {
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string script : {"exec sleep 1000", "sleep 1000", "exec >&-; exec sleep 1000",
                                   "while true; do echo; sleep 0.01; done"}) {
    const auto output = command_output({"sh", "-c", script}, {.time_limit = kShort});
    EXPECT_TRUE(absl::IsDeadlineExceeded(output.status())) << script << ": " << output.status();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

bool runs(const std::string& word) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

// Whether all processes end that have this word in their command lines: those that were killed may
// need a moment.
bool ends(const std::string& word) {
  for (int i = 0; i < 1000 && runs(word); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return !runs(word);
}

TEST(CommandOutput, LeavesNothingRunning) {
  // Longer than any test runs, and in no other command line.
  const std::string nap = "1000." + std::to_string(getpid());
  const std::string sleeps = "sleep " + nap;
  for (const std::string& script : {sleeps + " & " + sleeps, sleeps + " & exec >&-; exec " + sleeps,
                                    sleeps + " >/dev/null & echo done"}) {
    const auto output = command_output({"sh", "-c", script}, {.time_limit = kShort});
    EXPECT_TRUE(output.ok() || absl::IsDeadlineExceeded(output.status())) << output.status();
    EXPECT_TRUE(ends(nap)) << script;
  }
}

TEST(CommandOutput, LeavesNothingRunningWhenASignalEndsIt) {
  const std::string nap = "1000." + std::to_string(getpid()) + "1";
  EXPECT_EXIT(static_cast<void>(command_output({"sh", "-c", "kill -TERM $PPID; sleep " + nap},
                                               {.time_limit = std::chrono::hours(1)})),
              ::testing::KilledBySignal(SIGTERM), "");
  EXPECT_TRUE(ends(nap));
}

TEST(CommandOutput, LeavesNothingRunningWhenItIsKilled) {
  const std::string nap = "1000." + std::to_string(getpid()) + "2";
  // Once the guard is there, beside the script itself.
  const std::string script =
      "until [ $(wc -w </proc/$PPID/task/$PPID/children) -ge 2 ]; do sleep 0.1; done; "
      "kill -KILL $PPID; sleep " +
      nap;
  EXPECT_EXIT(static_cast<void>(command_output({"sh", "-c", script},
                                               {.time_limit = std::chrono::hours(1),
                                                .on_failure = [] { std::cerr << "made good"; }})),
              ::testing::KilledBySignal(SIGKILL), "made good");
  EXPECT_TRUE(ends(nap));
}

TEST(CommandOutput, CallsWhoeverMustMakeAFailureGood) {
  int calls = 0;
  CommandOutputOptions options = {.time_limit = kShort, .on_failure = [&calls] { ++calls; }};
  EXPECT_FALSE(command_output({"sleep", "1000"}, options).ok());
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(command_output({"no-such-program-anywhere"}, options).ok());
  EXPECT_EQ(calls, 1) << "nothing has been started";
  options.time_limit = std::chrono::hours(1);
  EXPECT_TRUE(command_output({"true"}, options).ok());
  EXPECT_EQ(calls, 1);
}

TEST(CommandOutput, CallsThatOneBeforeASignalEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    const std::string script = "kill -" + std::to_string(signal) + " $PPID; sleep 1000";
    EXPECT_EXIT(static_cast<void>(command_output({"sh", "-c", script},
                                                 {.time_limit = std::chrono::hours(1),
                                                  .on_failure = [] { std::cerr << "made good"; }})),
                ::testing::KilledBySignal(signal), "made good");
  }
}

TEST(CommandOutput, HasASizeLimit) {
  EXPECT_THAT(std::string(command_output({"cat", "/dev/zero"}).status().message()),
              HasSubstr("cat printed more than 65536 bytes"));
}

TEST(CommandOutput, OfAFailureIsReturnedWhereThatIsAccepted) {
  EXPECT_FALSE(command_output({"sh", "-c", "echo half; exit 1"}).ok());
  EXPECT_EQ(command_output({"sh", "-c", "echo half; exit 1"}, {.accepts_failure = true}).value(),
            "half\n");
}

}  // namespace
}  // namespace accelerate::launcher
