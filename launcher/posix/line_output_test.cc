#include "launcher/posix/line_output.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {
namespace {

TEST(LineOutput, ReachesAPipeAtOnceAlsoAfterSomethingWasWritten) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const FileDescriptor reader(ends[0]);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    std::printf("before\n");
    print_line_by_line();
    std::printf("a line\nhalf of");
    // An end that writes nothing more.
    raise(SIGKILL);
  }
  close(ends[1]);
  std::string seen;
  char buffer[64];
  while (const ssize_t count = read(reader.get(), buffer, sizeof(buffer))) {
    ASSERT_GT(count, 0);
    seen.append(buffer, count);
  }
  EXPECT_EQ(seen, "before\na line\n");
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace accelerate::launcher
