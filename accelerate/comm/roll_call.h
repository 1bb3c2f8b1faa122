// Whether the processes that come to a run's store are those that the run waits for, and all of
// them. Somebody who starts a worker twice, or another run at the same address, must not get into
// the collectives of a run that goes on; and nobody waits for a process that will never come.
//
//   const RollCall call = {.worker = worker, .terms = "2 processes on cpu", .timeout = minutes(5)};
//   if (auto refusal = answer_roll_call(*store, call)) leave(*refusal);
//   if (auto absence = wait_for_all(*store, call)) leave(*absence);
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "launcher/env/worker_environment.h"

namespace accelerate::internal {

struct RollCall {
  launcher::WorkerEnvironment worker;
  // What is the same on all ranks of a run, for people to read.
  std::string terms;
  std::chrono::milliseconds timeout;  // For which each of the functions waits for others.
};

// To be called once in each process, with the store of one start of the run, before the store is
// used for anything else. Why this process is to leave, and nothing where it is welcome: its terms
// are those of rank 0, and no other process has come as its rank. Blocks until rank 0 has come.
// Throws c10::Error where it does not in time, and as the store does.
std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own);

// To be called once by each process that is welcome. Blocks until all are there. Why the run cannot
// begin, where a process of this machine has ended without coming; throws c10::Error where others
// are not there in time, which says who.
std::optional<std::string> wait_for_all(c10d::Store& store, const RollCall& own);

// Blocks until rank 0 has opened the run's store, where it is on this machine and its launcher
// tells (rank_states.h): LibTorch's store writes pages whenever it tries in vain. Why it will not,
// where it has ended; throws c10::Error where it does not come in time.
std::optional<std::string> wait_for_store(const launcher::WorkerEnvironment& worker,
                                          std::chrono::milliseconds timeout);

}  // namespace accelerate::internal
