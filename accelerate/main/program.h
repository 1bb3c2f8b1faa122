// A program as its launching part sees it: the training function, compiled once for each pair of
// policies, and the choice between these variants.
//
// Part of main.h, which makes one; not for others.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "accelerate/precision/precision.h"
#include "accelerate/strategy/strategy.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/machine.h"
#include "launcher/request/launch_request.h"

namespace accelerate::internal {

// The training function for one pair of policies.
struct Variant {
  StrategyTraits strategy;
  PrecisionTraits precision;
  std::function<void(const std::vector<std::string>& arguments)> train;
};

struct Program {
  std::vector<Variant> variants;
  // Whether the training function takes the program's arguments itself; otherwise they are abseil
  // flags.
  bool takes_arguments = false;
};

// Returns the launch plan of a complete request (complete_request.h) for the machine, after
// checking that this program can run it. Chooses what the request leaves open so that the program
// can run it: its only precision, the sharding that it was built for, the CPU if it has no GPU
// strategy. `worker_world_size` is the size of the run that this process already belongs to; 0 if
// this process launches the run. An error says what the program cannot do, and how to build one
// that can.
absl::StatusOr<launcher::LaunchPlan> plan_program(const Program& program,
                                                  launcher::LaunchRequest request,
                                                  launcher::Machine machine, int worker_world_size);

// Returns the variant for a plan in a run of `world_size` processes. If the plan does not mention
// sharding and the program has only sharding variants, returns one of those. A single process may
// get a variant that does not shard, whatever the plan says. Returns NotFound if the program was
// not built for the plan.
absl::StatusOr<const Variant*> find_variant(const Program& program,
                                            const launcher::LaunchPlan& plan, int world_size);

}  // namespace accelerate::internal
