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
  // What is stored once for all ranks.
  RunState shared;
  // What this rank keeps for itself, by part, as JSON.
  nlohmann::json own = nlohmann::json::object();
};

// The name of the part for an object that each rank saves for itself.
std::string own_part(const Stateful& object);

// Throws c10::Error if a part has no state at the moment.
RunStates collect(const std::vector<Stateful*>& parts,
                  const std::vector<std::unique_ptr<Stateful>>& objects, const Progress& progress);

// Gives all ranks rank 0's archives of LibTorch, so that all of them write the same bytes.
// Collective.
void share_archives(Communicator& communicator, RunState& shared);

// A checksum for each part. Equal parts have equal checksums on all ranks.
nlohmann::json digests_of(const RunState& shared);

State state_of(const Progress& progress);
Progress progress_of(const State& state);

}  // namespace accelerate::internal
