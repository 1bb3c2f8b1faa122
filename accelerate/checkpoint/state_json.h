// The numbers and texts of a State as JSON, without any loss.
//
// Part of the checkpoints; not for others. Tensors have separate files, except those that each rank
// keeps for itself.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accelerate/state/state.h"

namespace accelerate::internal {

enum class Tensors {
  kLeftOut,
  // As their bytes; for a few small tensors.
  kAsBytes,
};

nlohmann::json json_of(const State& state, Tensors tensors = Tensors::kLeftOut);
// Throws c10::Error if it is not the JSON of a state, whatever else it is. The message names the
// value; `place` says where the state is in its document.
State state_of(const nlohmann::json& json, const std::string& place);

}  // namespace accelerate::internal
