#include "launcher/env/rank_states.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RankStates, AreSeenByOtherProcesses) {
  absl::StatusOr<RankStates> states = RankStates::create(3);
  ASSERT_TRUE(states.ok()) << states.status();
  const std::string path = states->path();
  states->note_end(1);
  const pid_t child = fork();
  if (child == 0) {
    states->close();
    const bool is_seen = read_rank_states(path).at(1) == RankState::kEnded;
    note_store(path, 2);
    _exit(is_seen ? 7 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_THAT(read_rank_states(path),
              ElementsAre(RankState::kRuns, RankState::kEnded, RankState::kHasStore));
}

TEST(RankStates, AreInNoOtherFile) {
  for (const char* path : {"", "/dev/zero", "/proc/self/exe", "/proc/0/fd/1"}) {
    note_store(path, 1);
    EXPECT_THAT(read_rank_states(path), IsEmpty()) << path;
  }
}

}  // namespace
}  // namespace accelerate::launcher
