#include "accelerate/process/stop_request.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "gtest/gtest.h"
#include "launcher/posix/tidying_handler.h"

namespace accelerate {
namespace {

constexpr int kNotRoot = 99;

int wait_for(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Runs `program` as the first process of a container, in which it gets the signal once it has
// closed the descriptor that it is given. Returns its exit code.
int run_as_first_process(int signal, const std::function<void(int ready)>& program) {
  const pid_t outside = fork();
  if (outside == 0) {
    int ends[2] = {-1, -1};
    if (unshare(CLONE_NEWPID) != 0 || pipe(ends) != 0) _exit(kNotRoot);
    const pid_t first = fork();
    if (first == 0) {
      close(ends[0]);
      program(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    char nothing = 0;
    while (read(ends[0], &nothing, 1) > 0) continue;
    kill(first, signal);
    _exit(wait_for(first));
  }
  return wait_for(outside);
}

TEST(StopRequest, LeavesTheFirstProcessOfAContainerToItsSignals) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int code = run_as_first_process(signal, [](int ready) {
      let_signals_end_first_process();
      close(ready);
      while (true) pause();
    });
    if (code == kNotRoot) GTEST_SKIP() << "this user cannot make namespaces of processes";
    EXPECT_EQ(code, 128 + signal);
  }
}

TEST(StopRequest, IsHeardByTheFirstProcessOfAContainer) {
  const int code = run_as_first_process(SIGTERM, [](int ready) {
    let_signals_end_first_process();
    take_stop_requests(SIGTERM);
    close(ready);
    while (!stop_is_requested()) usleep(1000);
    _exit(7);
  });
  if (code == kNotRoot) GTEST_SKIP() << "this user cannot make namespaces of processes";
  EXPECT_EQ(code, 7);
}

// In a process of its own, which is not to be stopped by what others of these tests have asked.
TEST(StopRequest, TakesThePlaceOfAHandlerThatTidiesUpAndOfNoOther) {
  const auto code_with = [](void (*handler)(int)) {
    const pid_t child = fork();
    if (child == 0) {
      launcher::tidying_handler() = [](int) { _exit(3); };
      signal(SIGTERM, handler != nullptr ? handler : launcher::tidying_handler().load());
      take_stop_requests(SIGTERM);
      raise(SIGTERM);
      _exit(stop_is_requested() ? 7 : 0);
    }
    return wait_for(child);
  };
  EXPECT_EQ(code_with(nullptr), 7);
  EXPECT_EQ(code_with([](int) { _exit(4); }), 4);
}

TEST(StopRequest, LeavesSignalsOfOtherProcessesAsTheyAre) {
  let_signals_end_first_process();
  struct sigaction action = {};
  sigaction(SIGTERM, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace accelerate
