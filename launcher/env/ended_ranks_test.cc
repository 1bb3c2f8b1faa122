#include "launcher/env/ended_ranks.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(EndedRanks, AreSeenByAnotherProcess) {
  absl::StatusOr<EndedRanks> ended = EndedRanks::create(3);
  ASSERT_TRUE(ended.ok()) << ended.status();
  const std::string path = ended->path();
  ended->add(1);
  const pid_t child = fork();
  if (child == 0) {
    ended->close();
    _exit(read_ended_ranks(path) == std::vector<int>{1} ? 7 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(EndedRanks, AreInNoOtherFile) {
  for (const char* path : {"", "/dev/zero", "/proc/self/exe", "/proc/0/fd/1"}) {
    EXPECT_TRUE(read_ended_ranks(path).empty()) << path;
  }
}

}  // namespace
}  // namespace accelerate::launcher
