// Machines with different numbers of processes, each a launcher on this host.
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/machines.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// A number for each machine.
std::function<Words(int)> processes(const std::vector<int>& numbers) {
  return [numbers](int machine) {
    return Words{"--nproc_per_node=" + std::to_string(numbers[machine])};
  };
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    lines.push_back(text.substr(at, text.find('\n', at) - at));
  }
  return lines;
}

TEST(UnequalMachines, HaveRanksOneAfterTheOther) {
  Machines machines({.num_machines = 3,
                     .script = "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $ROLE_RANK "
                               "$ROLE_WORLD_SIZE $GROUP_RANK $GROUP_WORLD_SIZE",
                     .own_flags = processes({1, 3, 2})});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_THAT(lines_of(machines[0].output()), ElementsAre("0 6 0 1 0 6 0 3"));
  EXPECT_THAT(lines_of(machines[1].output()),
              UnorderedElementsAre("1 6 0 3 1 6 1 3", "2 6 1 3 2 6 1 3", "3 6 2 3 3 6 1 3"));
  EXPECT_THAT(lines_of(machines[2].output()),
              UnorderedElementsAre("4 6 0 2 4 6 2 3", "5 6 1 2 5 6 2 3"));
  for (int machine = 0; machine < 3; ++machine) {
    EXPECT_THAT(machines[machine].errors(), IsEmpty());
  }
}

TEST(UnequalMachines, MayBeNumberedAsTheyArrive) {
  Machines machines({.address = "127.0.0.3",
                     .numbers_by_arrival = true,
                     .script = "echo $GROUP_RANK $RANK $WORLD_SIZE",
                     .own_flags = processes({1, 2})});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  const std::vector<std::string> one = lines_of(machines[0].output());
  const std::vector<std::string> two = lines_of(machines[1].output());
  if (one.front()[0] == '0') {
    EXPECT_THAT(one, ElementsAre("0 0 3"));
    EXPECT_THAT(two, UnorderedElementsAre("1 1 3", "1 2 3"));
  } else {
    EXPECT_THAT(one, ElementsAre("1 2 3"));
    EXPECT_THAT(two, UnorderedElementsAre("0 0 3", "0 1 3"));
  }
}

TEST(UnequalMachines, NameTheRankThatFailsAmongAllAndKeepTheirRanksWhenTheyStartAgain) {
  Machines machines({.flags = {"--max_restarts=1"},
                     .script = "echo attempt $TORCHELASTIC_RESTART_COUNT rank $RANK; "
                               "test $RANK != 3 || exit 7; sleep 1000",
                     .own_flags = processes({1, 3})});
  EXPECT_THAT(machines.wait_for_all(), Each(7));
  EXPECT_THAT(machines[0].errors(),
              AllOf(HasSubstr("accelerate: rank 3 on machine 1 (127.0.0.1) exited with code 7; the "
                              "processes of this machine were stopped, and all start again"),
                    HasSubstr("accelerate: rank 3 on machine 1 (127.0.0.1) exited with code 7; the "
                              "processes of this machine were stopped.\n")));
  EXPECT_THAT(machines[1].errors(), HasSubstr("accelerate: rank 3 of 4 (process "));
  EXPECT_THAT(machines[1].output(), AllOf(HasSubstr("attempt 0 rank 3\n"),
                                          HasSubstr("attempt 1 rank 3\n"), Not(HasSubstr("k 4"))));
  EXPECT_TRUE(machines.vanish());
}

TEST(UnequalMachines, MarkAndKeepTheirOutputByTheRankAmongAll) {
  const std::string log_dir = testing::TempDir() + "/unequal";
  std::filesystem::remove_all(log_dir);
  Machines machines({.flags = {"--tee=0:1,3:1", "--log_dir=" + log_dir},
                     .script = "echo from $RANK",
                     .own_flags = processes({1, 3})});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_EQ(machines[0].output(), "[default0]:from 0\n");
  EXPECT_THAT(lines_of(machines[1].output()),
              UnorderedElementsAre("from 1", "from 2", "[default3]:from 3"));
  std::vector<std::string> ranks;
  for (const auto& run : std::filesystem::directory_iterator(log_dir)) {
    for (const auto& rank : std::filesystem::directory_iterator(run.path() / "attempt_0")) {
      ranks.push_back(rank.path().filename());
    }
  }
  EXPECT_THAT(ranks, UnorderedElementsAre("0", "1", "2", "3"));
}

// The sum would be the same as what one of them was told.
TEST(UnequalMachines, RefuseOneThatCountsTheProcessesOfAll) {
  Machines machines({.own_flags = [](int machine) {
    return Words{machine == 0 ? "--num_processes=2" : "--nproc_per_node=1"};
  }});
  EXPECT_EQ(machines[1].wait(), 1);
  machines[0].send_signal(SIGTERM);
  EXPECT_EQ(machines[0].wait(), 128 + SIGTERM);
  EXPECT_THAT(machines[1].errors(),
              HasSubstr("the number of processes (--num_processes) is each machine's own "
                        "(--nproc_per_node, or its GPUs) there and 2 on machine 0"));
}

}  // namespace
}  // namespace accelerate::launcher
