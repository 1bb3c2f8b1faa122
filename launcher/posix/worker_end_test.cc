#include "launcher/posix/worker_end.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(WorkerEnd, IsAFailureUnlessTheCodeIsZero) {
  EXPECT_FALSE(WorkerEnd{}.failed());
  EXPECT_TRUE((WorkerEnd{.code = 3}).failed());
  EXPECT_TRUE((WorkerEnd{.by_signal = true, .code = SIGTERM}).failed());
}

TEST(WorkerEnd, HasTheExitCodeOfAShell) {
  EXPECT_EQ((WorkerEnd{.code = 3}).exit_code(), 3);
  EXPECT_EQ((WorkerEnd{.by_signal = true, .code = SIGSEGV}).exit_code(), 139);
}

TEST(WorkerEnd, IsReadable) {
  EXPECT_EQ(describe({.code = 3}), "exited with code 3");
  EXPECT_EQ(describe({.by_signal = true, .code = SIGSEGV}),
            "was killed by signal 11 (SIGSEGV, Segmentation fault)");
  EXPECT_EQ(signal_name(SIGRTMIN), "signal 34");
}

}  // namespace
}  // namespace accelerate::launcher
