// `state.json`, the document of a checkpoint: all of a run's state that is not a tensor, and the
// state that each rank keeps for itself.
//
// Part of the Checkpointer; not for others.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accelerate/checkpoint/contents.h"
#include "accelerate/checkpoint/progress.h"

namespace accelerate::internal {

struct Document {
  // The states that all ranks share, without their tensors.
  RunState shared;
  // For each rank of the saved run, the states that it kept for itself.
  std::vector<RunState> ranks;
  // The names of the program's own objects.
  std::vector<std::string> objects;
  Progress progress;

  // What a rank kept for itself of a part; null if it kept nothing, or if the saved run had no such
  // rank.
  const State* own(size_t rank, const std::string& part) const;
};

// The text of the document; `ranks` has what each rank keeps for itself, as in RunStates::own.
std::string document_text(const RunState& shared, const nlohmann::json& ranks,
                          const std::vector<std::string>& objects);

// Reads the document in the folder of a checkpoint, saved by a run of `world_size` ranks. Throws
// c10::Error, which names the file and says what is wrong in it, if it is another document, has
// another version or is damaged.
Document read_document(const std::string& folder, int world_size);

}  // namespace accelerate::internal
