// The states of all parts of a run, and the document of a checkpoint that they make up together.
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

// Throws c10::Error where a part has none at this moment.
RunStates collect(const std::vector<Stateful*>& parts,
                  const std::vector<std::unique_ptr<Stateful>>& objects, const Progress& progress);

// Gives all ranks rank 0's bytes in LibTorch's form, so that they write one. Collective.
void share_archives(Communicator& communicator, RunState& shared);

// A checksum for each part, which all ranks have alike if they are alike.
nlohmann::json digests_of(const RunState& shared);

// The document; `ranks` has each rank's own, `objects` the names of the program's own.
nlohmann::json document_of(const RunState& shared, const nlohmann::json& ranks,
                           const std::vector<std::string>& objects);
// Back from it: the shared states without their tensors, and the own of each rank of the run that
// was saved. Throws c10::Error where it is of another version.
RunState shared_of(const nlohmann::json& document);
std::vector<RunState> ranks_of(const nlohmann::json& document);
std::vector<std::string> objects_of(const nlohmann::json& document);

State state_of(const Progress& progress);
Progress progress_of(const State& state);

}  // namespace accelerate::internal
