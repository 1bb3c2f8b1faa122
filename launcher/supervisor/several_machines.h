// A job whose workers run on several machines, as one of them sees it.
//
// Example:
//   if (job.plan.num_machines > 1) return run_on_several_machines(job, scope);
//
// Not for one machine, which has nobody to wait for.
#pragma once

#include "launcher/supervisor/attempt.h"

namespace accelerate::launcher {

// Meets the other machines, runs the workers of this one when all are there, and stops them when
// any machine fails, is lost or is told to stop; starts again when all do. Says what happened, and
// returns the exit code: that of the first worker that failed, wherever it was; 128 + the signal
// that ended the job; 1 where a machine is missing, refused or lost.
int run_on_several_machines(Job job, JobScope& scope);

}  // namespace accelerate::launcher
