// Two machines that share no folder: each has whole checkpoints of its own, and a run goes on from
// the newest that both have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/testing/small_disk.h"
#include "formats/checkpoints/verify.h"
#include "launcher/posix/listening_socket.h"
#include "testing/subprocess/subprocess.h"
#include "train/small_run.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using launcher::Subprocess;
using testing::HasSubstr;
using train::checkpoints_in;
using train::new_folder;
using train::newest_checkpoint;

// Nobody's a moment ago.
int free_port() {
  return launcher::open_listening_socket(/*port=*/0, launcher::Reach::kLoopback)->port;
}

class TwoMachines : public testing::Test {
 protected:
  void SetUp() override {
    // Each takes all cores for its own.
    setenv("OMP_NUM_THREADS", "1", 1);
    const auto end = launcher::run_to_end({.arguments = in_mounts_of_its_own(0, {"true"})});
    if (end.code != 0) GTEST_SKIP() << "no mounts can be made here: " << end.errors;
  }

  // Both of them see their own folder at the path `run_`.
  std::vector<std::string> in_mounts_of_its_own(int machine, std::vector<std::string> command) {
    std::vector<std::string> words = {"/bin/sh", "-c",
                                      R"(exec unshare --mount --propagation=private \
        sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$0" "$@")",
                                      own_[machine], run_};
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }

  // Starts a launcher on each, for one rank.
  void start(const std::string& checkpoints) {
    start(train::small_run(2, "no", /*capture=*/false, checkpoints));
  }
  void start(const std::vector<std::string>& command) {
    const std::string port = std::to_string(free_port());
    for (int machine = 0; machine < 2; ++machine) {
      std::vector<std::string> words = command;
      words.insert(words.end(), {"--num_machines=2", "--machine_rank=" + std::to_string(machine),
                                 "--main_process_ip=127.0.0.1", "--main_process_port=" + port});
      machines_[machine] = std::make_unique<Subprocess>(
          launcher::SubprocessOptions{.arguments = in_mounts_of_its_own(machine, words)});
    }
  }

  // The exit codes.
  std::array<int, 2> wait() { return {machines_[0]->wait(), machines_[1]->wait()}; }

  void kill_both() {
    for (const auto& machine : machines_)
      for (const pid_t process : machine->descendants()) kill(process, SIGKILL);
    wait();
    for (const auto& machine : machines_) EXPECT_TRUE(machine->vanishes());
  }

  std::multiset<std::string> report() const {
    return train::report_of(machines_[0]->output() + machines_[1]->output());
  }

  std::multiset<std::string> unbroken_report() {
    start(/*checkpoints=*/"");
    EXPECT_EQ(wait(), (std::array{0, 0})) << machines_[0]->errors() << machines_[1]->errors();
    return report();
  }

  std::set<int> checkpoints_of_both() const {
    const std::set<int> first = checkpoints_in(own_[0]), second = checkpoints_in(own_[1]);
    std::set<int> both;
    std::set_intersection(first.begin(), first.end(), second.begin(), second.end(),
                          std::inserter(both, both.end()));
    return both;
  }

  const std::string run_ = new_folder();
  const std::array<std::string, 2> own_ = {new_folder(), new_folder()};
  std::array<std::unique_ptr<Subprocess>, 2> machines_;
};

// Two ranks on each. A norm is summed up by parts, and rounds otherwise: there is none.
TEST_F(TwoMachines, ShareOutTheOptimizersStateWithTheSameBits) {
  std::vector<std::multiset<std::string>> reports;
  for (const int zero_stage : {0, 1}) {
    auto command = train::small_run(4, "no", /*capture=*/false, /*checkpoints=*/"", zero_stage);
    command.push_back("--clip=0");
    start(command);
    EXPECT_EQ(wait(), (std::array{0, 0})) << machines_[0]->errors() << machines_[1]->errors();
    reports.push_back(report());
  }
  EXPECT_EQ(reports[0].size(), 6u);
  EXPECT_EQ(reports[0], reports[1]);
}

TEST_F(TwoMachines, GoOnFromTheNewestThatBothHave) {
  const auto unbroken = unbroken_report();
  start(run_);
  EXPECT_TRUE(launcher::eventually([&] { return checkpoints_of_both().size() >= 2; }));
  kill_both();
  // As where the second was killed before its newest had its name.
  const int newest = *checkpoints_of_both().rbegin();
  for (const int number : checkpoints_in(own_[1]))
    if (number >= newest) fs::remove_all(own_[1] + "/checkpoint_" + std::to_string(number));
  ASSERT_FALSE(checkpoints_of_both().empty());
  const int common = *checkpoints_of_both().rbegin();

  start(run_);
  EXPECT_EQ(wait(), (std::array{0, 0})) << machines_[0]->errors() << machines_[1]->errors();
  EXPECT_THAT(machines_[0]->errors(), HasSubstr("only 1 of 2 ranks see it"));
  EXPECT_THAT(machines_[0]->errors(),
              HasSubstr("resumed from " + run_ + "/checkpoint_" + std::to_string(common)));
  EXPECT_EQ(report(), unbroken);
  EXPECT_TRUE(fs::is_empty(run_));
  // All of each machine's, and the newest of both.
  EXPECT_EQ(newest_checkpoint(own_[0]), newest_checkpoint(own_[1]));
  for (const std::string& folder : own_) {
    const auto found = checkpoints::find_checkpoints(folder);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->size(), 3u) << folder;
    for (const auto& checkpoint : *found) {
      ASSERT_TRUE(checkpoint.commit) << checkpoint.fault;
      EXPECT_EQ(checkpoints::verify(checkpoint.path, *checkpoint.commit), absl::OkStatus());
    }
  }
}

// What one of them cannot write is removed by the other, and what both had stays.
TEST_F(TwoMachines, KeepWhatBothHaveWhereOneOfThemIsFull) {
  const auto unbroken = unbroken_report();
  const checkpoints::SmallDisk disk(own_[1], 1 << 20);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  const std::string filling = own_[1] + "/filling";
  std::ofstream(filling) << std::string(600'000, 'x');
  start(run_);
  EXPECT_EQ(wait(), (std::array{1, 1}));
  EXPECT_THAT(machines_[0]->errors() + machines_[1]->errors(),
              HasSubstr("No space left on device; make room"));
  ASSERT_FALSE(checkpoints_of_both().empty());
  EXPECT_EQ(newest_checkpoint(own_[0]), newest_checkpoint(own_[1]));

  fs::remove(filling);
  start(run_);
  EXPECT_EQ(wait(), (std::array{0, 0})) << machines_[0]->errors() << machines_[1]->errors();
  EXPECT_THAT(machines_[0]->errors(), HasSubstr("resumed from " + run_ + "/checkpoint_"));
  EXPECT_EQ(report(), unbroken);
}

}  // namespace
}  // namespace accelerate
