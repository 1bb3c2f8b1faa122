// Starts the workers of one machine, watches them, and stops them all as soon as one fails.
//
// Example:
//   if (plan.needs_supervisor()) return supervise(plan, train);  // plan: launch_plan.h
//   return train();
//
// Workers are forked, not executed anew, so that what the program has loaded is not loaded again.
// Where the workers are another program, they execute it:
//
//   return supervise_program(plan, {.argv = {"./my_model", "--epochs=3"}});
//
// Not for a process that has started threads or initialised CUDA: neither survives a fork.
#pragma once

#include <functional>

#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Runs `worker` in plan.num_processes processes of this machine and returns when all have ended. To
// be called while this process has one thread, and only once at a time.
//
// A worker finds its place and how to train in its environment (worker_variables.h), and runs on
// the CPUs that the plan gives it. Rank 0 inherits the listening socket of the rendezvous store,
// bound before anything was forked, and standard input; the others read an empty one. Standard
// output is inherited and line-buffered; standard error is passed on line by line, unless there is
// one worker, which inherits it as well. Streams that the plan keeps in files or marks are passed
// on line by line, too. Each worker has a session of its own, where the terminal's Ctrl-C does not
// reach it, and leaves with std::exit() and the code that `worker` returned; an exception that
// `worker` lets out ends it by std::terminate().
//
// A worker that exits with another code than 0, or is killed, ends the job: the others, with all of
// their process groups, get SIGTERM, and SIGKILL after the grace period. SIGINT, SIGTERM and SIGHUP
// to this process are passed on (SIGHUP as SIGTERM) and end the job in the same way; another SIGINT
// or SIGTERM ends the grace period. SIGTSTP and SIGCONT stop the workers and let them go on.
// SIGUSR1 and SIGUSR2, a scheduler's warning that the time is nearly over, are passed on and end
// nothing: workers start with them ignored, unless this process handles them, and may set a
// handler. At SIGQUIT, and where a rank has waited too long in a collective, it is told where each
// worker is (flight_reporter.h), and nothing ends. What the workers have started is killed when the
// last of them has ended, whatever session it has moved to. When this process is killed, so are the
// workers, their process groups, and what was executed in other ones with the environment of its
// parents.
//
// A job that ends for such a failure starts again, with all its workers, as often as the plan
// allows, after a pause that gets longer; TORCHELASTIC_RESTART_COUNT tells them the attempt, and
// what is returned and printed is that of the last one. Ends of workers are noticed at once: there
// is no interval to set.
//
// What is passed on waits for its reader, and the workers with it; but nothing else does. Where a
// stream's reader has gone, who writes to it gets the SIGPIPE that he would get without a
// supervisor. When the job is stopped, what nobody has read by the end of the grace period is
// dropped, with a remark.
//
// Where the plan has several machines, they start together, and what ends the job on one ends it on
// all (several_machines.h); restarts are those of all.
//
// Returns 0 where all workers did; the exit code of the first that failed, 128 + the signal's
// number for one that was killed; 128 + the signal's number where a signal to this process ended
// the job, or kept a failed one from starting again; 2 where they are refused before the first
// start, as a port, folder or limit that was asked for cannot be had; 1 where the machine could not
// start them, or something of what they print could not be written or kept. Of several that have
// failed, one that says that another has died is not the first. What went wrong, and the end of
// what the failed worker wrote to standard error, is printed to standard error, unless the plan is
// quiet.
int supervise(const LaunchPlan& plan, const std::function<int()>& worker);

// The same with workers that execute `command`, with the environment that program_variables()
// (program_variables.h) tells. Its rank 0 inherits the store's socket where it is a program that
// takes it; for others, MASTER_PORT is a port that nobody used a moment ago.
//
// Where the program cannot be executed, one sentence says why, and the result is 127 when it was
// not found and 126 otherwise, as in a shell.
int supervise_program(const LaunchPlan& plan, const Command& command);

}  // namespace accelerate::launcher
