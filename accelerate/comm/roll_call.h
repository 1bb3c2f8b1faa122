// Checks that the processes that connect to a run's store are exactly those that the run waits for.
// A worker that is started twice, or another run at the same address, must not get into the
// collectives of a running job, and no process should wait for one that will never come.
//
//   const RollCall call = {.worker = worker, .terms = "2 processes on cpu", .timeout = minutes(5)};
//   if (auto refusal = answer_roll_call(*store, call)) leave(*refusal);
//   if (auto absence = wait_for_all(*store, call)) leave(*absence);
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "launcher/env/worker_environment.h"

namespace accelerate::internal {

struct RollCall {
  launcher::WorkerEnvironment worker;
  // What must be the same on all ranks of a run, as readable text.
  std::string terms;
  std::chrono::milliseconds timeout;  // How long each function waits for others.
  // Set where a store outlives the starts of a run: whether rank 0 has begun another one since.
  // Then who waits for the others gets StartedAnew.
  std::function<bool()> is_over = nullptr;
};

// Thrown where rank 0 has begun the run anew. Who gets it joins that start.
struct StartedAnew {};

// The name of the run's present start, for a store that outlives starts, as that of torchrun's
// agent may: rank 0 draws it, and the others read the last one that was drawn, which may be that of
// the start before. Blocks until there is one. Throws c10::Error if that does not happen in time.
std::string name_of_start(c10d::Store& store, const RollCall& own);

// Whether rank 0 has begun another start since the one of this name.
bool is_start_over(c10d::Store& store, const std::string& name);

// Call it once in each process, with the store of one start of the run, before the store is used
// for anything else. Returns why this process must leave, or nothing if it may stay: its terms are
// those of rank 0, and no other process has joined as its rank. Blocks until rank 0 has joined.
// Throws c10::Error if that does not happen in time, and as the store does.
std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own);

// Call it once in each process that may stay. Blocks until all have joined, and rank 0 with them.
// Returns why the run
// cannot begin if a process of this machine has ended without joining; throws c10::Error, naming
// the ranks, if others do not join in time.
std::optional<std::string> wait_for_all(c10d::Store& store, const RollCall& own);

// Blocks until rank 0 has opened the run's store, if rank 0 is on this machine and the launcher
// reports that (rank_states.h): LibTorch's store writes pages of warnings for each failed attempt.
// Returns why it will not open if rank 0 has ended; throws c10::Error if it does not open in time.
std::optional<std::string> wait_for_store(const launcher::WorkerEnvironment& worker,
                                          std::chrono::milliseconds timeout);

}  // namespace accelerate::internal
