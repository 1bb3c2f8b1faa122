// One machine's part of a job whose workers run on several machines.
//
// Example:
//   if (job.plan.num_machines > 1) return run_on_several_machines(job, scope);
//
// Not for a job on one machine.
#pragma once

#include "launcher/supervisor/attempt.h"

namespace accelerate::launcher {

// Meets the other machines, runs the workers of this one when all have arrived, and stops them when
// any machine fails, is lost or receives a signal; restarts when all do. Reports what happened, and
// returns the exit code: that of the first worker that failed, on any machine; 128 + the signal
// that ended the job; 1 if a machine is missing, rejected or lost.
int run_on_several_machines(Job job, JobScope& scope);

}  // namespace accelerate::launcher
