// The numbers and texts of a State as JSON, exactly: what comes back is what went in.
//
// Part of the checkpoints; not for others. Tensors lie in files of their own, but for those that
// each rank has of its own.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accelerate/state/state.h"

namespace accelerate::internal {

enum class Tensors {
  kLeftOut,
  // As their bytes; for a few small ones.
  kAsBytes,
};

nlohmann::json json_of(const State& state, Tensors tensors = Tensors::kLeftOut);
// Throws c10::Error where it is no JSON of a state, of whatever kind and size; the message names
// the value, `place` being that of the state in its document.
State state_of(const nlohmann::json& json, const std::string& place);

}  // namespace accelerate::internal
