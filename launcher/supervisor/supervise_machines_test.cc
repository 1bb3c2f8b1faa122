// Jobs of several machines, each a launcher on this host.

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "launcher/supervisor/testing/machines.h"
#include "testing/network/ipv6_loopback.h"
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

const char kPrintPlace[] =
    "echo \"rank $RANK local $LOCAL_RANK of $WORLD_SIZE at $MASTER_ADDR machine $GROUP_RANK of "
    "$GROUP_WORLD_SIZE through $GLOO_SOCKET_IFNAME\"";
const char kWait[] = "echo up; exec sleep 1000";

std::string line_with(const std::string& text, const std::string& begin) {
  const std::size_t at = text.find(begin);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

TEST(SeveralMachines, StartTogetherWithTheRanksOfEach) {
  Machines machines({.num_machines = 3, .flags = {"--num_processes=6"}, .script = kPrintPlace});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  for (int machine = 0; machine < 3; ++machine) {
    for (int local = 0; local < 2; ++local) {
      EXPECT_THAT(machines[machine].output(),
                  HasSubstr("rank " + std::to_string(2 * machine + local) + " local " +
                            std::to_string(local) + " of 6 at 127.0.0.1 machine " +
                            std::to_string(machine) + " of 3 through lo\n"));
    }
    EXPECT_THAT(machines[machine].errors(), IsEmpty());
  }
  EXPECT_TRUE(machines.vanish());
}

TEST(SeveralMachines, AreNumberedAsTheyArrive) {
  Machines machines({.num_machines = 3,
                     .address = "127.0.0.3",
                     .numbers_by_arrival = true,
                     .flags = {"--num_processes=3"},
                     .script = "echo rank $RANK"});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_THAT((std::vector{machines[0].output(), machines[1].output(), machines[2].output()}),
              UnorderedElementsAre("rank 0\n", "rank 1\n", "rank 2\n"));
}

TEST(SeveralMachines, MeetByIpv6) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "::1 is no address here";
  Machines machines({.address = "::1", .flags = {"--num_processes=2"}, .script = kPrintPlace});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_THAT(machines[1].output(), HasSubstr("rank 1 local 0 of 2 at ::1 machine 1"));
}

TEST(SeveralMachines, StopWhenARankOfOneFailsAndSayWhich) {
  Machines machines({.num_machines = 3,
                     .flags = {"--num_processes=6"},
                     .script = "if [ $RANK = 3 ]; then echo reason >&2; exit 7; fi; sleep 1000"});
  EXPECT_THAT(machines.wait_for_all(), Each(7));
  EXPECT_THAT(machines[1].errors(),
              AllOf(HasSubstr("accelerate: rank 3 of 6 (process "),
                    HasSubstr("exited with code 7; the others were stopped, on all machines.\n"),
                    HasSubstr("  | reason\n"), Not(HasSubstr("on machine 1"))));
  for (const int other : {0, 2}) {
    EXPECT_EQ(machines[other].errors(),
              "accelerate: rank 3 on machine 1 (127.0.0.1) exited with code 7; the processes of "
              "this machine were stopped.\n");
  }
  EXPECT_TRUE(machines.vanish());
}

TEST(SeveralMachines, NameTheOneWhoseLauncherIsKilled) {
  Machines machines({.num_machines = 3, .flags = {"--num_processes=3"}, .script = kWait});
  machines.wait_for_output_of_all("up\n");
  machines[1].send_signal(SIGKILL);
  EXPECT_THAT(machines.wait_for_all(), ElementsAre(1, 128 + SIGKILL, 1));
  for (const int other : {0, 2}) {
    EXPECT_THAT(machines[other].errors(),
                AllOf(HasSubstr("accelerate: machine 1 (127.0.0.1) is lost ("),
                      HasSubstr("; the processes of this machine were stopped.\n")));
  }
  EXPECT_TRUE(machines.vanish());
}

TEST(SeveralMachines, NameTheMainOneWhoseLauncherIsKilled) {
  Machines machines({.num_machines = 3, .flags = {"--num_processes=3"}, .script = kWait});
  machines.wait_for_output_of_all("up\n");
  machines[0].send_signal(SIGKILL);
  EXPECT_THAT(machines.wait_for_all(), ElementsAre(128 + SIGKILL, 1, 1));
  for (const int other : {1, 2}) {
    EXPECT_THAT(machines[other].errors(), HasSubstr("accelerate: machine 0 at 127.0.0.1 port "));
    EXPECT_THAT(machines[other].errors(), HasSubstr("is lost ("));
  }
  EXPECT_TRUE(machines.vanish());
}

TEST(SeveralMachines, AllStopForASignalToOne) {
  for (const int machine : {0, 1}) {
    Machines machines({.flags = {"--num_processes=2"}, .script = kWait});
    machines.wait_for_output_of_all("up\n");
    machines[machine].send_signal(SIGTERM);
    EXPECT_THAT(machines.wait_for_all(), Each(128 + SIGTERM));
    EXPECT_EQ(machines[machine].errors(),
              "accelerate: SIGTERM received; all processes were stopped.\n");
    EXPECT_THAT(machines[1 - machine].errors(),
                AllOf(HasSubstr("accelerate: machine " + std::to_string(machine)),
                      HasSubstr(" received SIGTERM; the processes of this machine were stopped.")));
    EXPECT_TRUE(machines.vanish());
  }
}

TEST(SeveralMachines, StopWaitingForASignal) {
  Machines machines({.num_machines = 3,
                     .flags = {"--num_processes=3"},
                     .script = kWait,
                     .own_flags = [](int machine) {
                       return machine == 2 ? Words{"--rdzv_id=unwelcome"} : Words();
                     }});
  machines[0].wait_for_errors("was refused");
  machines[0].send_signal(SIGINT);
  EXPECT_EQ(machines[0].wait(), 128 + SIGINT);
  EXPECT_THAT(machines[0].errors(), HasSubstr("accelerate: machine 0 received SIGINT.\n"));
  EXPECT_THAT(machines[0].output(), IsEmpty());
}

TEST(SeveralMachines, StartAgainTogetherAtAnotherPort) {
  Machines machines({.num_machines = 3,
                     .flags = {"--num_processes=3", "--max_restarts=1"},
                     .script = "echo attempt $TORCHELASTIC_RESTART_COUNT port $MASTER_PORT; "
                               "if [ $RANK$TORCHELASTIC_RESTART_COUNT = 20 ]; then exit 7; fi; "
                               "if [ $TORCHELASTIC_RESTART_COUNT = 0 ]; then sleep 1000; fi"});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_THAT(machines[2].errors(),
              HasSubstr("exited with code 7; all processes start again (restart 1 of 1).\n"));
  const std::string second = line_with(machines[0].output(), "attempt 1 port ");
  for (const int machine : {0, 1, 2}) {
    EXPECT_EQ(line_with(machines[machine].output(), "attempt 1 port "), second);
  }
  EXPECT_NE(second.substr(9), line_with(machines[2].output(), "attempt 0 port ").substr(9));
  EXPECT_EQ(machines[0].errors(),
            "accelerate: rank 2 on machine 2 (127.0.0.1) exited with code 7; the processes of this "
            "machine were stopped, and all start again (restart 1 of 1).\n");
}

TEST(SeveralMachines, WaitForEachOtherWhenTheirOwnProcessesHaveEnded) {
  Machines machines({.flags = {"--num_processes=2", "--max_restarts=1"},
                     .script = "echo attempt $TORCHELASTIC_RESTART_COUNT; "
                               "if [ $RANK$TORCHELASTIC_RESTART_COUNT = 10 ]; then sleep 0.2; "
                               "exit 7; fi"});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_EQ(machines[0].output(), "attempt 0\nattempt 1\n");
}

TEST(SeveralMachines, NameTheOnesThatDoNotArrive) {
  Machines machines(
      {.num_machines = 3,
       .flags = {"--num_processes=3", "--rdzv_conf=join_timeout=3"},
       .own_flags = [](int machine) { return machine == 1 ? Words{"--rdzv_id=wrong"} : Words(); }});
  EXPECT_THAT(machines.wait_for_all(), Each(1));
  EXPECT_THAT(machines[0].errors(),
              AllOf(HasSubstr("accelerate: the machine at 127.0.0.1 was refused: it does not know "
                              "the job's id; pass the same --rdzv_id on all machines.\n"),
                    HasSubstr("accelerate: machine 1 of 3 did not arrive within 3 s; ")));
  EXPECT_THAT(machines[1].errors(), HasSubstr("refused this machine: it does not know the job's"));
  EXPECT_THAT(machines[2].errors(), HasSubstr("machine 1 of 3 did not arrive within 3 s; "));
}

TEST(SeveralMachines, SayWhomTheyWaitFor) {
  Machines machines({.num_machines = 1, .flags = {"--num_machines=2", "--num_processes=2"}});
  machines[0].wait_for_errors("accelerate: waiting for machine 1 of 2.\n");
  machines[0].send_signal(SIGTERM);
  EXPECT_THAT(machines.wait_for_all(), Each(128 + SIGTERM));
  const auto second = machines.start(1, {"--num_machines=2"});
  second->wait_for_errors("accelerate: waiting for machine 0 at 127.0.0.1 port ");
  second->send_signal(SIGTERM);
  EXPECT_EQ(second->wait(), 128 + SIGTERM);
}

TEST(SeveralMachines, AreNotEndedByAWarning) {
  Machines machines({.flags = {"--num_processes=2"},
                     .script = "test $RANK = 0 || { echo up; read line; }; echo done"});
  machines[1].wait_for_output("up\n");
  machines[0].wait_for_output("done\n");
  // Which waits for the other by now, or is about to.
  machines[0].send_signal(SIGUSR1);
  machines[0].send_signal(SIGUSR1);
  machines[1].write_input("\n");
  EXPECT_THAT(machines.wait_for_all(), Each(0));
}

TEST(SeveralMachines, RefuseAnotherWorldSizeAndAnotherBuild) {
  const std::string program = temporary_program("built_once", "#!/bin/sh\nexec sleep 1000\n");
  const std::string other = temporary_program("built_twice", "#!/bin/sh\n\nexec sleep 1000\n");
  const auto run = [](const std::string& first, const std::string& second, int num_processes) {
    Machines machines({.own_flags = [&](int machine) {
      const bool is_first = machine == 0;
      return Words{"--num_processes=" + std::to_string(is_first ? 2 : num_processes),
                   "takes_store_socket=1", is_first ? first : second};
    }});
    EXPECT_EQ(machines[1].wait(), 1);
    machines[0].wait_for_errors("was refused: ");
    machines[0].send_signal(SIGTERM);
    EXPECT_EQ(machines[0].wait(), 128 + SIGTERM);
    return machines[1].errors();
  };
  EXPECT_THAT(run(program, program, 4),
              HasSubstr("the number of processes (--num_processes) is 4 there and 2 on machine 0"));
  EXPECT_THAT(run(program, other, 2), HasSubstr("the build of the program is "));
}

TEST(SeveralMachines, NameTheOneThatLacksTheProgram) {
  // With an id, machines may be given different programs.
  Machines machines({.flags = {"--num_processes=2", "--rdzv_id=tulips", "--max_restarts=3"},
                     .script = kWait,
                     .own_flags = [](int machine) {
                       return machine == 1 ? Words{"/no/such/program"} : Words();
                     }});
  EXPECT_THAT(machines.wait_for_all(), Each(127));
  EXPECT_THAT(machines[1].errors(), HasSubstr("cannot execute /no/such/program"));
  EXPECT_THAT(machines[0].errors(),
              HasSubstr("accelerate: machine 1 (127.0.0.1) cannot start its processes: cannot "
                        "execute /no/such/program: there is no such file; check the path; the "
                        "processes of this machine were stopped.\n"));
}

TEST(SeveralMachines, MarkAndKeepTheirOutputByTheRankAmongAll) {
  const std::string log_dir = testing::TempDir() + "/one_disk";
  std::filesystem::remove_all(log_dir);
  Machines machines(
      {.flags = {"--num_processes=4", "--tee=0:1,3:1", "--log_dir=" + log_dir, "--rdzv_id=job"},
       .script = "echo from $RANK"});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  EXPECT_THAT(machines[0].output(), AllOf(HasSubstr("[default0]:from 0\n"), HasSubstr("from 1\n"),
                                          Not(HasSubstr("1]:"))));
  EXPECT_THAT(machines[1].output(), AllOf(HasSubstr("[default3]:from 3\n"), HasSubstr("from 2\n"),
                                          Not(HasSubstr("2]:"))));
  std::vector<std::string> runs;
  for (const auto& entry : std::filesystem::directory_iterator(log_dir)) {
    runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());
  ASSERT_EQ(runs.size(), 2u);
  for (int rank = 0; rank < 4; ++rank) {
    const int machine = rank / 2;
    EXPECT_THAT(runs[machine], HasSubstr("/job_machine" + std::to_string(machine) + "_"));
    const std::string folder = runs[machine] + "/attempt_0/" + std::to_string(rank);
    EXPECT_EQ(read_file(folder + "/stdout.log"), "from " + std::to_string(rank) + "\n");
  }
}

TEST(SeveralMachines, SayWhyOneCannotKeepItsOutput) {
  const std::string file = temporary_file("no_folder_there", "");
  Machines machines(
      {.flags = {"--num_processes=2"}, .script = kWait, .own_flags = [&](int machine) {
         return machine == 1 ? Words{"--log_dir=" + file} : Words();
       }});
  EXPECT_THAT(machines.wait_for_all(), Each(2));
  EXPECT_THAT(machines[0].errors(), HasSubstr("machine 1 (127.0.0.1) cannot start its processes: "
                                              "cannot make the folder"));
}

TEST(SeveralMachines, SayThatTheirPortIsTaken) {
  Machines machines({.flags = {"--num_processes=2"}});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
  Machines first({.flags = {"--num_processes=2"}, .script = kWait});
  first.wait_for_output_of_all("up\n");
  const auto second = first.start(0);
  EXPECT_EQ(second->wait(), 2);
  EXPECT_THAT(second->errors(), HasSubstr("another process uses this port; pass another "
                                          "--main_process_port on all machines, or another"));
}

}  // namespace
}  // namespace accelerate::launcher
