#include <signal.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SuperviseProgram, ExecutesTheProgramOnEachRankWithItsArguments) {
  Subprocess program(
      launched({"--num_processes=2", "--", "/bin/echo", "--epochs=3", "a b", "--cpu"}));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "--epochs=3 a b --cpu\n--epochs=3 a b --cpu\n");
  EXPECT_THAT(program.errors(), IsEmpty());
  EXPECT_TRUE(program.vanishes());
}

TEST(SuperviseProgram, TellsEachRankItsPlaceAndAFreePort) {
  Subprocess program(shells({"--num_processes=2"},
                            "echo $RANK of $WORLD_SIZE at $MASTER_ADDR:$MASTER_PORT "
                            "socket ${ACCELERATE_STORE_FD-none}"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              AllOf(ContainsRegex("0 of 2 at 127.0.0.1:[1-9][0-9]+ socket none\n"),
                    ContainsRegex("1 of 2 at 127.0.0.1:[1-9][0-9]+ socket none\n")));
}

TEST(SuperviseProgram, StartsAllProcessesOnTheCpuAsTorchrunWould) {
  Subprocess program(shells({"--cpu", "--num_processes=4"},
                            "echo role $ROLE_NAME $ROLE_RANK group $GROUP_RANK restart "
                            "$TORCHELASTIC_RESTART_COUNT cpu $ACCELERATE_USE_CPU"));
  EXPECT_EQ(program.wait(), 0);
  for (const std::string rank : {"0", "1", "2", "3"}) {
    EXPECT_THAT(program.output(),
                HasSubstr("role default " + rank + " group 0 restart 0 cpu True\n"));
  }
}

TEST(SuperviseProgram, GivesAPythonProgramThatRunsAloneNoRank) {
  const std::string python =
      temporary_program("python_alone", "#!/bin/sh\necho rank ${RANK-none}\n");
  setenv("PYTHON", python.c_str(), /*replace=*/1);
  Subprocess program(launched({"--num_processes=1", temporary_file("alone.py", "")}));
  unsetenv("PYTHON");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "rank none\n");
}

TEST(SuperviseProgram, LeavesThePortThatItIsToldToTheProgramOrSaysThatItIsTaken) {
  auto socket = open_listening_socket(0);
  ASSERT_TRUE(socket.ok()) << socket.status();
  const std::string port = std::to_string(socket->port);
  const std::string flag = "--main_process_port=" + port;

  Subprocess refused(shells({"--num_processes=2", flag}, "echo started"));
  EXPECT_EQ(refused.wait(), 2);
  EXPECT_THAT(refused.output(), IsEmpty());
  EXPECT_THAT(refused.errors(), HasSubstr("another process uses this port"));

  socket->fd.reset();
  Subprocess accepted(shells({"--num_processes=2", flag}, "echo port $MASTER_PORT"));
  EXPECT_EQ(accepted.wait(), 0);
  EXPECT_EQ(accepted.output(), "port " + port + "\nport " + port + "\n");
}

constexpr char kPrintCpus[] = "echo $RANK: $(grep Cpus_allowed_list /proc/self/status)";

TEST(SuperviseProgram, BindsEachRankToItsShareOfTheCores) {
  const std::vector<CpuSet> sets = share_cores(read_cpu_cores(), 2);
  ASSERT_EQ(sets.size(), 2u);
  Subprocess program(shells({"--num_processes=2", "--enable_cpu_affinity"}, kPrintCpus));
  EXPECT_EQ(program.wait(), 0);
  for (const int rank : {0, 1}) {
    EXPECT_THAT(program.output(), HasSubstr(std::to_string(rank) +
                                            ": Cpus_allowed_list: " + cpu_list(sets[rank]) + "\n"));
  }
  EXPECT_THAT(program.errors(), IsEmpty());
}

TEST(SuperviseProgram, RunsAnywhereWhereItCannotBeBound) {
  Subprocess program(shells({"--num_processes=1", "cpus=60000"}, "echo runs"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "runs\n");
  EXPECT_THAT(program.errors(), HasSubstr("cannot be bound to the CPUs 60000 and runs on any: "));
}

// What each open file is but the standard streams and the folder that is listed.
constexpr char kListFiles[] =
    "echo $RANK: $(ls -l /proc/self/fd | sed -n 's/.* [0-9]* -> //p' | tail -n +4 | "
    "grep -v /proc/ | cut -d: -f1)";

TEST(SuperviseProgram, LeavesAnyProgramNothingOpen) {
  Subprocess program(shells({"--num_processes=2"}, kListFiles));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), AllOf(HasSubstr("0:\n"), HasSubstr("1:\n")));
}

TEST(SuperviseProgram, LeavesTheStoresSocketToRankZeroOfAProgramThatTakesIt) {
  Subprocess program(shells({"--num_processes=2", "takes_store_socket=1"}, kListFiles));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), AllOf(HasSubstr("0: socket\n"), HasSubstr("1:\n")));
}

TEST(SuperviseProgram, SaysOnceThatThereIsNoSuchProgram) {
  Subprocess path(launched({"--num_processes=4", "/no/such/program"}));
  EXPECT_EQ(path.wait(), 127);
  EXPECT_EQ(path.errors(),
            "accelerate: cannot execute /no/such/program: there is no such file; check the "
            "path.\n");

  Subprocess name(launched({"--num_processes=4", "no_such_program"}));
  EXPECT_EQ(name.wait(), 127);
  EXPECT_EQ(name.errors(),
            "accelerate: cannot execute no_such_program: no folder of the PATH has such a "
            "program; install it, or write its path.\n");
}

TEST(SuperviseProgram, SaysOnceThatAProgramCannotBeExecuted) {
  const std::string file = temporary_file("not_executable", "#!/bin/sh\n");
  Subprocess forbidden(launched({"--num_processes=4", file}));
  EXPECT_EQ(forbidden.wait(), 126);
  EXPECT_EQ(forbidden.errors(),
            "accelerate: cannot execute " + file +
                ": permission denied; make it executable (chmod +x), or start it with its "
                "interpreter.\n");

  Subprocess folder(launched({"--num_processes=4", testing::TempDir()}));
  EXPECT_EQ(folder.wait(), 126);
  EXPECT_THAT(folder.errors(), HasSubstr("it is a folder"));

  const std::string script = temporary_program("no_interpreter", "#!/no/such/interpreter\n");
  Subprocess interpreter(launched({"--num_processes=1", script}));
  EXPECT_EQ(interpreter.wait(), 127);
  EXPECT_THAT(interpreter.errors(), HasSubstr("the file is there, but not the interpreter"));
}

// Sometimes before the launcher looks for signals after it has forked the last of them.
TEST(SuperviseProgram, EndsWithProcessesThatEndAtOnce) {
  const std::string file = temporary_file("ends_at_once", "");
  for (int run = 0; run < 40; ++run) {
    Subprocess program(launched({"--num_processes=1", "--quiet", file}));
    EXPECT_EQ(program.wait(), 126);
  }
}

TEST(SuperviseProgram, RunsAPythonScriptInTheInterpreter) {
  const std::string python = temporary_program("python", "#!/bin/sh\necho interpreter: \"$@\"\n");
  const std::string script = temporary_file("script.py", "");
  setenv("PYTHON", python.c_str(), /*replace=*/1);
  Subprocess program(launched({"--num_processes=2", script, "--epochs=3"}));
  EXPECT_EQ(program.wait(), 0);
  const std::string line = "interpreter: " + script + " --epochs=3\n";
  EXPECT_EQ(program.output(), line + line);

  setenv("PYTHON", "/no/python", /*replace=*/1);
  Subprocess without(launched({"--num_processes=2", script}));
  EXPECT_EQ(without.wait(), 127);
  EXPECT_EQ(without.errors(),
            "accelerate: cannot execute /no/python: there is no such Python interpreter; install "
            "it, or set the variable PYTHON to the path of one.\n");
  unsetenv("PYTHON");
}

TEST(SuperviseProgram, ReturnsTheCodeOfTheRankThatFailed) {
  Subprocess program(shells({"--num_processes=3"},
                            "if [ $RANK = 1 ]; then echo reason >&2; exit 127; fi; sleep 1000"));
  EXPECT_EQ(program.wait(), 127) << "the program's own, which was executed";
  EXPECT_THAT(program.errors(),
              ContainsRegex("accelerate: rank 1 of 3 .process [0-9]+. exited with code 127; the "
                            "others were stopped.\n.*rank 1 ended with .*\n  . reason\n"));
  EXPECT_TRUE(program.vanishes());
}

TEST(SuperviseProgram, PassesSignalsOn) {
  Subprocess program(shells({"--num_processes=2"},
                            "trap 'echo $RANK got it; exit 0' INT; echo ready $RANK; "
                            "while :; do sleep 0.01; done"));
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  program.send_signal(SIGINT);
  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_THAT(program.output(), AllOf(HasSubstr("0 got it\n"), HasSubstr("1 got it\n")));
}

TEST(SuperviseProgram, LetsRankZeroReadStandardInput) {
  Subprocess program(shells({"--num_processes=2"}, "read line; echo $RANK read \"'$line'\""));
  program.write_input("some input\n");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              AllOf(HasSubstr("0 read 'some input'\n"), HasSubstr("1 read ''\n")));
}

TEST(SuperviseProgram, LeavesNoProcessWhenItIsKilled) {
  Subprocess program(shells({"--num_processes=2"}, "sleep 1000 & echo ready $RANK; wait"));
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  ASSERT_TRUE(eventually([&] { return program.descendants().size() == 6; }))
      << "itself, the watchdog, and two of each rank";
  program.send_signal(SIGKILL);
  EXPECT_EQ(program.wait(), 128 + SIGKILL);
  EXPECT_TRUE(program.vanishes());
}

}  // namespace
}  // namespace accelerate::launcher
