// Whether a process that has come to a run's store is one that the run waits for. Somebody who
// starts a worker twice, or another run at the same address, must not get into the collectives of
// a run that goes on.
//
//   if (auto refusal = answer_roll_call(*store, {.rank = 1, .terms = "2 processes on cpu"})) {
//     leave(*refusal);
//   }
#pragma once

#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace accelerate::internal {

struct RollCall {
  int rank;
  // What is the same on all ranks of a run, for people to read.
  std::string terms;
};

// To be called once in each process, with the store of one start of the run, before the store is
// used for anything else. Why this process is to leave, and nothing where it is welcome: its terms
// are those of rank 0, and no other process has come as its rank. Blocks until rank 0 has come, for
// the store's time; throws as the store does.
std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own);

}  // namespace accelerate::internal
