// Kills the example at any moment and starts it again by the same command: the end has the bits of
// the run that nobody disturbed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "formats/checkpoints/testing/small_disk.h"
#include "testing/subprocess/subprocess.h"
#include "train/small_run.h"

namespace accelerate::train {
namespace {

namespace fs = std::filesystem;
using launcher::ProgramEnd;
using launcher::Subprocess;
using testing::HasSubstr;

struct How {
  int processes;
  const char* precision;
  bool capture;
  int zero_stage = 0;
};
class Resumed : public testing::TestWithParam<How> {};

TEST_P(Resumed, EndsWithTheBitsOfTheUnbrokenRun) {
  const auto& [processes, precision, capture, stage] = GetParam();
  const ProgramEnd unbroken =
      launcher::run_to_end({.arguments = small_run(processes, precision, capture, "", stage)});
  ASSERT_EQ(unbroken.code, 0) << unbroken.errors;

  const std::string folder = new_folder();
  const auto arguments = small_run(processes, precision, capture, folder, stage);
  for (int kills = 0;; ++kills) {
    Subprocess program({.arguments = arguments});
    const int before = newest_checkpoint(folder);
    if (kills == 3) {
      ASSERT_EQ(program.wait(), 0) << program.errors();
      EXPECT_EQ(report_of(program.output()), report_of(unbroken.output));
      EXPECT_THAT(program.errors(), HasSubstr("resumed from " + folder));
      return;
    }
    // When it has saved something, so that it gets on.
    EXPECT_TRUE(launcher::eventually([&] { return newest_checkpoint(folder) > before; }));
    for (const pid_t process : program.descendants()) kill(process, SIGKILL);
    program.wait();
    EXPECT_TRUE(program.vanishes());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Everywhere, Resumed,
    testing::Values(How{1, "no", false}, How{1, "no", true}, How{1, "fp16", false},
                    How{1, "bf16", true}, How{2, "no", false}, How{2, "no", true},
                    How{2, "fp16", true}, How{2, "bf16", false}, How{4, "no", true},
                    How{4, "fp16", false}, How{4, "bf16", false}, How{2, "fp16", false, 1},
                    How{4, "no", false, 2}, How{2, "bf16", true, 2}),
    [](const auto& info) {
      return std::to_string(info.param.processes) + "_in_" + info.param.precision +
             (info.param.capture ? "_captured" : "") +
             (info.param.zero_stage > 0 ? "_zero" + std::to_string(info.param.zero_stage) : "");
    });

// Each run ends when it has saved, and the next one is another.
TEST(Resharded, GoesOnWithOtherStrategiesAndNumbersOfProcesses) {
  const std::string folder = new_folder();
  const std::vector<std::pair<int, int>> runs = {{4, 2}, {2, 1}, {1, 0}, {3, 2}, {2, 0}, {2, 2}};
  for (const auto& [processes, stage] : runs) {
    auto arguments = small_run(processes, "no", /*capture=*/false, folder, stage);
    arguments.back() = "--save_every=1";
    Subprocess program({.arguments = arguments});
    const int before = newest_checkpoint(folder);
    EXPECT_TRUE(launcher::eventually([&] { return newest_checkpoint(folder) > before; }));
    for (const pid_t process : program.descendants()) kill(process, SIGKILL);
    program.wait();
    EXPECT_TRUE(program.vanishes());
    if (before < 0) continue;
    EXPECT_THAT(program.errors(), HasSubstr("resumed from " + folder));
  }
}

// Of one rank, of all processes, or of the launcher alone, 50 times.
TEST(Killed, AtAnyMomentItGoesOn) {
  const auto begin = std::chrono::steady_clock::now();
  const ProgramEnd unbroken = launcher::run_to_end({.arguments = small_run(2, "no", false, "")});
  const auto whole = std::chrono::steady_clock::now() - begin;
  ASSERT_EQ(unbroken.code, 0) << unbroken.errors;

  std::mt19937 random(11);
  for (int kills = 0; kills < 50;) {
    const std::string folder = new_folder();
    auto arguments = small_run(2, "no", false, folder);
    arguments.back() = "--save_every=1";
    for (;;) {
      Subprocess program({.arguments = arguments});
      std::this_thread::sleep_for(whole * std::uniform_real_distribution(0.2, 1.2)(random));
      std::vector<pid_t> processes = program.descendants();
      if (kills < 50 && !processes.empty()) {
        const int whom = static_cast<int>(random() % 3);
        if (whom == 0) {
          processes.assign(1, program.pid());
        } else if (whom == 1) {
          processes.assign(1, pid_t{processes[random() % processes.size()]});
        }
        for (const pid_t process : processes) kill(process, SIGKILL);
        ++kills;
      }
      const int code = program.wait();
      EXPECT_TRUE(program.vanishes());
      if (code != 0) continue;
      EXPECT_EQ(report_of(program.output()), report_of(unbroken.output)) << program.errors();
      break;
    }
  }
}

// As a scheduler does whose time is over.
TEST(Stopped, SavesAndLeaves) {
  const std::string folder = new_folder();
  auto arguments = small_run(2, "no", false, folder);
  arguments.back() = "--save_every=1000";
  arguments.push_back("--epochs=1000");
  Subprocess program({.arguments = arguments});
  program.wait_for_output("epoch 1 ");
  program.send_signal(SIGUSR1);
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_EQ(newest_checkpoint(folder), 0);
  Subprocess resumed({.arguments = arguments});
  resumed.wait_for_errors("resumed from " + folder + "/checkpoint_0");
  resumed.wait_for_output("epoch ");
  resumed.send_signal(SIGUSR1);
  EXPECT_EQ(resumed.wait(), 0) << resumed.errors();
  EXPECT_EQ(newest_checkpoint(folder), 1);
}

// One of its processes that train, which have more memory than what else it starts.
pid_t rank_of(const Subprocess& program) {
  pid_t largest = -1;
  int64_t most = -1;
  for (const pid_t pid : program.descendants()) {
    int64_t size = 0, resident = 0;
    std::ifstream("/proc/" + std::to_string(pid) + "/statm") >> size >> resident;
    if (pid == program.pid() || resident <= most) continue;
    most = resident;
    largest = pid;
  }
  return largest;
}

// The launcher starts the processes anew, and they go on.
TEST(Restarted, GoesOnByItself) {
  auto arguments = small_run(2, "no", false, "");
  arguments.push_back("--epochs=20");
  const ProgramEnd unbroken = launcher::run_to_end({.arguments = arguments});
  const std::string folder = new_folder();
  arguments = small_run(2, "no", false, folder);
  arguments.insert(arguments.end(), {"--epochs=20", "--max_restarts=3"});
  Subprocess program({.arguments = arguments});
  EXPECT_TRUE(launcher::eventually([&] { return newest_checkpoint(folder) >= 0; }));
  const pid_t rank = rank_of(program);
  ASSERT_GT(rank, 0);
  kill(rank, SIGKILL);
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_EQ(report_of(program.output()), report_of(unbroken.output));
  EXPECT_THAT(program.errors(), HasSubstr("resumed from " + folder));
}

// The disk gets full while a checkpoint is written: the run ends with a sentence, and what was
// saved before is what it goes on from when there is room again.
TEST(Faults, NoSpace) {
  const std::string folder = new_folder();
  const checkpoints::SmallDisk disk(folder, 1 << 20);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  const std::string filling = folder + "/filling";
  std::ofstream(filling) << std::string(600'000, 'x');
  const auto arguments = small_run(2, "no", false, folder + "/run");
  const ProgramEnd unbroken = launcher::run_to_end({.arguments = small_run(2, "no", false, "")});
  const ProgramEnd full = launcher::run_to_end({.arguments = arguments});
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.errors, HasSubstr("No space left on device; make room"));
  EXPECT_GE(newest_checkpoint(folder + "/run"), 0);

  fs::remove(filling);
  const ProgramEnd resumed = launcher::run_to_end({.arguments = arguments});
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("resumed from " + folder + "/run/checkpoint_"));
  EXPECT_EQ(report_of(resumed.output), report_of(unbroken.output));
}

TEST(Faults, ReadOnly) {
  const std::string folder = new_folder();
  const checkpoints::SmallDisk disk(folder, 1 << 20);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  ASSERT_TRUE(disk.forbid_writing());
  const ProgramEnd end =
      launcher::run_to_end({.arguments = small_run(2, "no", false, folder + "/run")});
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.errors, HasSubstr("Read-only file system"));
  EXPECT_THAT(end.errors, HasSubstr(folder + "/run"));
}

// The order of the samples knows nothing of the number of processes.
TEST(AnotherNumberOfProcesses, GoesOn) {
  for (const int processes : {1, 4}) {
    const std::string folder = new_folder();
    Subprocess first({.arguments = small_run(2, "no", false, folder)});
    EXPECT_TRUE(launcher::eventually([&] { return newest_checkpoint(folder) >= 1; }));
    for (const pid_t process : first.descendants()) kill(process, SIGKILL);
    first.wait();
    const ProgramEnd second =
        launcher::run_to_end({.arguments = small_run(processes, "no", false, folder)});
    EXPECT_EQ(second.code, 0) << second.errors;
    EXPECT_THAT(second.errors, HasSubstr("resumed from " + folder));
    EXPECT_THAT(second.output, HasSubstr("test accuracy"));
  }
}

}  // namespace
}  // namespace accelerate::train
