// The states of all parts of a run, as they are saved.
//
// Part of the checkpoints; not for others.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "accelerate/checkpoint/contents.h"
#include "accelerate/checkpoint/progress.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/state/stateful.h"

namespace accelerate::internal {

struct RunStates {
  // What is stored once, for all ranks.
  RunState shared;
  // What is this rank's own, by part, as JSON.
  nlohmann::json own = nlohmann::json::object();
};

// The part that an object's state is where each rank has its own.
std::string own_part(const Stateful& object);

// Throws c10::Error where a part has none at this moment.
RunStates collect(const std::vector<Stateful*>& parts,
                  const std::vector<std::unique_ptr<Stateful>>& objects, const Progress& progress);

// Gives all ranks rank 0's bytes in LibTorch's form, so that they write one. Collective.
void share_archives(Communicator& communicator, RunState& shared);

// A checksum for each part, which all ranks have alike if they are alike.
nlohmann::json digests_of(const RunState& shared);

State state_of(const Progress& progress);
Progress progress_of(const State& state);

}  // namespace accelerate::internal
