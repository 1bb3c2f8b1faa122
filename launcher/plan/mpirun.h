// A launch through mpirun, which starts the processes of all hosts itself.
//
// Example:
//   const MpirunLaunch launch = launch_through_mpirun(plan, command, {.hostfile = "hosts"});
//   return supervise_program(launch.plan, launch.command);  // supervisor.h
//
// Not for processes that mpirun has started: those find their place in its variables
// (worker_environment.h).
#pragma once

#include <string>
#include <vector>

#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

struct MpirunOptions {
  std::string program = "mpirun";
  bool is_open_mpi = true;  // Intel MPI and MVAPICH call some of its flags by other names.
  std::string hostfile = "";
  std::vector<int> host_slots = {};  // The slots of each host if they differ; else all get as many.
  int port = 29500;                  // Where the processes meet, if the plan names no port.
  bool writes_values = false;  // The command has the variables' values, and not only their names.
  bool finds_main = false;     // The program is not told where to meet, but finds it (open_mpi.h).
};

struct MpirunLaunch {
  LaunchPlan plan;                   // For one process, which is mpirun.
  Command command;                   // The line that starts mpirun.
  std::vector<int> host_slots = {};  // As in the options.
};

// The command of mpirun that executes `command` according to `plan`, on as many hosts as the plan
// has machines. Open MPI passes the variables of the plan to other hosts; the others pass the whole
// environment.
MpirunLaunch launch_through_mpirun(const LaunchPlan& plan, const Command& command,
                                   const MpirunOptions& options);

// For people: how many processes mpirun starts where, where they meet, the command, and what it
// finds in its environment. `plan` is the one from which `launch` was made.
std::string describe_mpirun(const LaunchPlan& plan, const MpirunLaunch& launch);

}  // namespace accelerate::launcher
