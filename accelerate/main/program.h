// A program as the launching part sees it: its training function once for each policy that it was
// compiled for, and the choice between them.
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

// What is to be started, once it is known that this program can do it: the launch plan of a
// complete request (complete_request.h) and the machine. What nobody asked for is chosen so that
// the program can: its only precision, the sharding that it was built for, the CPU if it has no GPU
// strategy. `worker_world_size` is
// the size of the run that this process already belongs to; 0 when it is to be launched here.
// InvalidArgument says what was asked for in vain, and how to build a program that can.
absl::StatusOr<launcher::LaunchPlan> plan_program(const Program& program,
                                                  launcher::LaunchRequest request,
                                                  launcher::Machine machine, int worker_world_size);

// The variant for a plan in a run of `world_size` processes. One that was built to shard is taken
// where nothing is said of sharding and the program has no other; alone, a process may have one
// that does not shard, whatever the plan says. NotFound when the program was not built for it.
absl::StatusOr<const Variant*> find_variant(const Program& program,
                                            const launcher::LaunchPlan& plan, int world_size);

}  // namespace accelerate::internal
