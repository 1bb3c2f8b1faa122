#include "launcher/flight_record/stacks.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/flight_record/process_state.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

TEST(InnermostPlace, IsTheFirstOfTheProgramsOwn) {
  EXPECT_EQ(innermost_place("Thread 2 (Thread 0x7f (LWP 12) \"spin\"):\n"
                            "#0  0x000055d0 in reader (n=...) at reader.cc:5\n"
                            "\n"
                            "Thread 1 (Thread 0x7f (LWP 11) \"spin\"):\n"
                            "#0  0x00007ff8 in __GI___nanosleep (req=...) at "
                            "../sysdeps/unix/sysv/linux/nanosleep.c:25\n"
                            "#1  0x00007ff8 in ?? () from /lib/libstdc++.so.6\n"
                            "#2  at::native::add (self=..., ...) from /usr/lib/libtorch_cpu.so\n"
                            "#3  std::this_thread::sleep_for<long> (t=...) at "
                            "/usr/include/c++/12/bits/this_thread_sleep.h:82\n"
                            "#4  0x000055d0 in train_step (n=...) at /home/me/a model/main.cc:88\n"
                            "#5  0x000055d0 in main () at /home/me/a model/main.cc:9\n"),
            "`train_step` (main.cc:88)");
}

TEST(InnermostPlace, IsAFunctionWhereTheProgramHasNoLines) {
  EXPECT_EQ(
      innermost_place("Thread 1 (Thread 0x7f (LWP 11)):\n"
                      "#0  0x00007ff8 in read () from /lib/libc.so.6\n"
                      "#1  0x000055d0 in ?? ()\n"
                      "#2  0x000055d0 in ns::train_step(std::function<void (int)>, int) ()\n"),
      "`ns::train_step`");
  EXPECT_EQ(innermost_place("Thread 1 (LWP 11):\n#0  f () at \x1b[2J.cc:1\n"), "`f` ( [2J.cc:1)");
}

TEST(InnermostPlace, IsFoundByWhatEuStackPrintsAsWell) {
  EXPECT_EQ(
      innermost_place("PID 11 - process\n"
                      "TID 11:\n"
                      "#0  0x00007f01 clock_nanosleep@GLIBC_2.2.5 - /usr/lib/libc.so.6\n"
                      "    ../sysdeps/unix/sysv/linux/clock_nanosleep.c:71:10\n"
                      "#1  0x00007f01 at::native::add(at::Tensor const&) - "
                      "/opt/torch/lib/libtorch_cpu.so\n"
                      "#2  0x000055fc - /home/me/a - model\n"
                      "#3  0x000055fc ns::Model::train_step(std::function<int (int)>) const - "
                      "/home/me/model\n"
                      "    /home/me/main.cc:88:22\n"
                      "#4  0x000055fc main - /home/me/model\n"
                      "TID 12:\n"
                      "#0  0x000055fc reader() - /home/me/model\n"),
      "`ns::Model::train_step` (main.cc:88)");
  EXPECT_EQ(innermost_place("PID 11 - process\nTID 11:\n#0  0x000055fc train_step(int) - /m\n"),
            "`train_step`");
  EXPECT_EQ(innermost_place("PID 11 - process\nTID 11:\n#0  0x0\n#1  0x0 - \n#\nTID 12:\n#0 "
                            " 0x000055fc reader() - /m\n"),
            "");
}

TEST(InnermostPlace, IsEmptyWhereThereIsNone) {
  for (const std::string text : {"", "Thread 1 (", "#", "Thread 1 (\n#", "Thread 1 (\n#0", "\n\n",
                                 "Thread 1 (x):\n#0  ) at \n#1  0x in ) from \n#2  )))((("})
    EXPECT_EQ(innermost_place(text).find("at"), std::string::npos) << text;
}

SubprocessOptions noting(const std::string& action) {
  return {.arguments = {std::getenv("NOTING_PROGRAM"), action}};
}

bool has(const std::string& debugger) {
  return std::system((debugger + " --version > /dev/null 2>&1").c_str()) == 0;
}

TEST(Stacks, AreThoseOfAProcessThatGoesOn) {
  if (!has("eu-stack") && !has("gdb")) GTEST_SKIP() << "there is neither eu-stack nor gdb";
  for (const std::string action : {"sleep", "spin"}) {
    Subprocess program(noting(action));
    program.wait_for_output("ready");
    EXPECT_TRUE(eventually([&] {
      const Stacks stacks = read_stacks(program.pid());
      EXPECT_THAT(stacks.text, HasSubstr("#0"));
      return stacks.place.find("train_step") != std::string::npos;
    })) << action;
    EXPECT_EQ(debugger_of(program.pid()), 0);
    EXPECT_TRUE(eventually([&] { return process_state(program.pid()) != 'T'; }));
  }
}

TEST(Stacks, OfAStoppedProcessAreNotReadSoThatItStaysSo) {
  Subprocess program(noting("stop"));
  program.wait_for_output("ready");
  ASSERT_TRUE(eventually([&] { return process_state(program.pid()) == 'T'; }));
  const Stacks stacks = read_stacks(program.pid());
  EXPECT_THAT(stacks.text, HasSubstr("the process is stopped"));
  EXPECT_EQ(process_state(program.pid()), 'T');
}

TEST(Stacks, ThatTakeTooLongLeaveTheProcessRunning) {
  Subprocess program(noting("spin"));
  program.wait_for_output("ready");
  for (int time = 0; time < 20; ++time) {
    const Stacks stacks = read_stacks(program.pid(), std::chrono::milliseconds(10 * time));
    EXPECT_NE(stacks.text, "");
    EXPECT_TRUE(eventually([&] { return process_state(program.pid()) == 'R'; })) << time;
  }
}

// The only debugger there is, while this lives: it stops the process, as debuggers do, and is never
// done.
class EndlessDebugger {
 public:
  explicit EndlessDebugger(const std::string& then) : path_(std::getenv("PATH")) {
    const std::string folder = testing::TempDir() + "/endless_debugger";
    std::filesystem::create_directories(folder);
    const std::string program = folder + "/eu-stack";
    // Its last word is the process's number.
    std::ofstream(program) << "#!/bin/sh\nfor pid; do :; done\nkill -STOP $pid\n"
                           << then << "\nexec /bin/sleep 1000\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    setenv("PATH", folder.c_str(), 1);
  }
  EndlessDebugger(const EndlessDebugger&) = delete;
  EndlessDebugger& operator=(const EndlessDebugger&) = delete;
  ~EndlessDebugger() { setenv("PATH", path_.c_str(), 1); }

 private:
  std::string path_;
};

TEST(Stacks, ThatASignalEndsLeaveTheProcessRunning) {
  Subprocess program(noting("spin"));
  program.wait_for_output("ready");
  for (const int signal : {SIGINT, SIGTERM}) {
    const EndlessDebugger debugger("kill -" + std::to_string(signal) + " $PPID");
    EXPECT_EXIT(static_cast<void>(read_stacks(program.pid(), std::chrono::hours(1))),
                testing::KilledBySignal(signal), "");
    EXPECT_TRUE(eventually([&] { return process_state(program.pid()) == 'R'; }));
  }
}

TEST(Stacks, ThatTakeTooLongLeaveAProcessRunningThatStopsOnlyLater) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[1]);
    // The parent of such a child is in a call that nothing interrupts (state D) until that ends. Of
    // vfork(), ThreadSanitizer makes a fork().
    char byte = 0;
    if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, nullptr, nullptr, nullptr, nullptr) == 0)
      _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    while (true) pause();
  }
  ASSERT_TRUE(eventually([&] { return process_state(pid) == 'D'; }));
  {
    const EndlessDebugger debugger("");
    EXPECT_THAT(read_stacks(pid, std::chrono::milliseconds(500)).text, HasSubstr("more than 500"));
  }
  EXPECT_EQ(process_state(pid), 'D');
  close(ends[1]);
  EXPECT_TRUE(eventually([&] { return process_state(pid) == 'S' || process_state(pid) == 'T'; }));
  EXPECT_EQ(process_state(pid), 'S');
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

// All that PATH leads to, while this lives.
class GdbAlone {
 public:
  GdbAlone() : path_(std::getenv("PATH")) {
    const std::string folder = testing::TempDir() + "/gdb_alone";
    const std::string command =
        "rm -rf " + folder + "; mkdir " + folder + "; ln -s $(command -v gdb) " + folder;
    EXPECT_EQ(std::system(command.c_str()), 0);
    setenv("PATH", folder.c_str(), 1);
  }
  GdbAlone(const GdbAlone&) = delete;
  GdbAlone& operator=(const GdbAlone&) = delete;
  ~GdbAlone() { setenv("PATH", path_.c_str(), 1); }

 private:
  std::string path_;
};

TEST(Stacks, AreReadWithGdbWhereThatIsAllThereIs) {
  if (!has("gdb")) GTEST_SKIP() << "there is no gdb";
  const GdbAlone gdb;
  Subprocess program(noting("spin"));
  program.wait_for_output("ready");
  EXPECT_TRUE(eventually([&] {
    const Stacks stacks = read_stacks(program.pid());
    EXPECT_THAT(stacks.text, HasSubstr("Thread 1"));
    return stacks.place.find("train_step") != std::string::npos;
  }));
}

// Those of gdb: eu-stack is done before anybody can end it.
TEST(Stacks, ThatAreKilledLeaveTheProcessRunning) {
  if (!has("gdb")) GTEST_SKIP() << "there is no gdb";
  const GdbAlone gdb;
  Subprocess program(noting("spin"));
  program.wait_for_output("ready");
  const pid_t reader = fork();
  if (reader == 0) {
    while (true) read_stacks(program.pid());
  }
  EXPECT_TRUE(eventually([&] { return debugger_of(program.pid()) != 0; }));
  kill(reader, SIGKILL);
  waitpid(reader, nullptr, 0);
  EXPECT_TRUE(eventually(
      [&] { return debugger_of(program.pid()) == 0 && process_state(program.pid()) == 'R'; }));
}

// As where two ask at once: neither sees the other before both begin.
TEST(Stacks, SayWhoseDebuggerHasComeMeanwhile) {
  const std::string folder = testing::TempDir() + "/late_debugger";
  const std::string begun = folder + "/begun", traced = folder + "/traced";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/eu-stack")
      << "#!/bin/sh\necho > " << begun << "\nwhile [ ! -e " << traced << " ]; do :; done\nexit 1\n";
  std::filesystem::permissions(folder + "/eu-stack", std::filesystem::perms::owner_all);
  const pid_t pid = fork();
  if (pid == 0) {
    while (!std::filesystem::exists(begun)) usleep(1000);
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) std::ofstream(traced) << "";
    while (true) pause();
  }
  const std::string path = std::getenv("PATH");
  setenv("PATH", folder.c_str(), 1);
  EXPECT_THAT(read_stacks(pid).text,
              HasSubstr("process " + std::to_string(getpid()) + " debugs it already"));
  setenv("PATH", path.c_str(), 1);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST(Stacks, SayWhyThereAreNone) {
  EXPECT_THAT(read_stacks(0x7fffffff).text, HasSubstr("the process has ended"));
  Subprocess program(noting("sleep"));
  program.wait_for_output("ready");
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  EXPECT_THAT(read_stacks(program.pid()).text,
              HasSubstr("there is neither eu-stack (elfutils) nor gdb; install"));
  setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace accelerate::launcher
