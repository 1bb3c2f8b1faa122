// `state.json`, the document of a checkpoint: all of a run's state that is no tensor, and what each
// rank has of its own.
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
  // Without their tensors.
  RunState shared;
  // The own of each rank of the run that was saved.
  std::vector<RunState> ranks;
  // The names of the program's own.
  std::vector<std::string> objects;
  Progress progress;

  // What a rank has of its own of a part; null where there is nothing, or the rank was not there.
  const State* own(size_t rank, const std::string& part) const;
};

// The text; `ranks` has each rank's own, as RunStates have it.
std::string document_text(const RunState& shared, const nlohmann::json& ranks,
                          const std::vector<std::string>& objects);

// The document in a checkpoint's folder, of a run of so many ranks. Throws c10::Error, which names
// the file and what is wrong in it, where it is another one, of another version or damaged.
Document read_document(const std::string& folder, int world_size);

}  // namespace accelerate::internal
