// Starts the workers of one machine, watches them, and stops them all as soon as one fails.
//
// Example:
//   if (plan.needs_supervisor()) return supervise(plan, train);  // plan: launch_plan.h
//   return train();
//
// Workers are forked, not executed, so that the program's libraries are not loaded again. Workers
// can also execute another program:
//
//   return supervise_program(plan, {.argv = {"./my_model", "--epochs=3"}});
//
// Not for a process that has started threads or initialised CUDA: neither survives a fork.
#pragma once

#include <functional>

#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Runs `worker` in plan.num_processes processes of this machine and returns when all have ended.
// Call it while this process has one thread, and only once at a time.
//
// A worker finds its place and how to train in its environment (worker_variables.h), and runs on
// the CPUs that the plan gives it. Rank 0 inherits the listening socket of the rendezvous store,
// bound before anything was forked, and standard input; the others read an empty one. Standard
// output is inherited and line-buffered; standard error is passed on line by line, unless there is
// one worker, which inherits it as well. Streams that the plan keeps in files or labels are also
// passed on line by line. Each worker has its own session, where the terminal's Ctrl-C does not
// reach it, and ends with std::exit() and the code that `worker` returned; an exception from
// `worker` ends it by std::terminate().
//
// A worker that exits with a code other than 0, or is killed, ends the job: the others, with all of
// their process groups, get SIGTERM, and SIGKILL after the grace period. SIGINT, SIGTERM and SIGHUP
// to this process are passed on (SIGHUP as SIGTERM) and end the job in the same way; another SIGINT
// or SIGTERM ends the grace period. SIGTSTP and SIGCONT stop the workers and let them go on.
// SIGUSR1 and SIGUSR2, a scheduler's warning that the time is nearly over, are passed on and end
// nothing: workers start with them ignored, unless this process handles them, and may set a
// handler. At SIGQUIT, and if a rank has waited too long in a collective, it reports where each
// worker is (flight_reporter.h), and ends nothing. What the workers have started is killed when the
// last of them has ended, whatever session it has moved to. When this process is killed, so are the
// workers, their process groups, and what was executed in other ones with the environment of its
// parents.
//
// After such a failure the job restarts with all its workers, as often as the plan allows, after a
// pause that grows. TORCHELASTIC_RESTART_COUNT is the number of the attempt; the result and the
// report are those of the last one. The end of a worker is noticed at once: there is no polling
// interval.
//
// Relayed output waits for its reader, and so do the workers, but nothing else. If the reader of a
// stream has closed it, writers get the SIGPIPE that they would get without a supervisor. When the
// job is stopped, what nobody has read by the end of the grace period is dropped, with a remark.
//
// If the plan has several machines, they start together, and what ends the job on one ends it on
// all (several_machines.h); all restart together.
//
// Returns 0 if all workers did; the exit code of the first one that failed, or 128 + the number of
// the signal that killed it; 128 + the number of a signal to this process that ended the job or
// prevented a restart; 2 if a port, folder or limit of the request is not available and nothing was
// started; 1 if the machine could not start the workers, or some of their output could not be
// written or kept. If several fail, one that reports the death of another is not the first. Prints
// what went wrong, and the end of what the failed worker wrote to standard error, to standard
// error, unless the plan is quiet.
int supervise(const LaunchPlan& plan, const std::function<int()>& worker);

// The same with workers that execute `command`, with the environment of program_variables()
// (program_variables.h). Rank 0 inherits the store's socket if the program takes it; for other
// programs, MASTER_PORT is a port that was free a moment ago.
//
// If the program cannot be executed, one message says why, and the result is 127 if it was not
// found and 126 otherwise, as in a shell.
int supervise_program(const LaunchPlan& plan, const Command& command);

}  // namespace accelerate::launcher
