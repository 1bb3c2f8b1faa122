// A launch plan in full, for --dry_run: what each rank executes, with what, and where.
//
// Example:
//   const VariablesOf variables = [&](const WorkerPlace& place, const StoreEndpoint& store) {
//     return program_variables(plan, command, place, store);
//   };
//   std::cout << describe_plan(plan, command, variables);
//
// Not for a one-line description: to_string() (launch_plan.h) gives that.
#pragma once

#include <functional>
#include <string>

#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/worker_variables.h"

namespace accelerate::launcher {

// The environment of one worker: worker_variables() or program_variables().
using VariablesOf = std::function<EnvironmentChanges(const WorkerPlace&, const StoreEndpoint&)>;

// The plan in one line, the meaning of its sharding, and some lines for each rank. A port that is
// unknown before the start is shown as any free one; the descriptor of the store's socket is left
// out.
std::string describe_plan(const LaunchPlan& plan, const Command& command,
                          const VariablesOf& variables_of);

}  // namespace accelerate::launcher
