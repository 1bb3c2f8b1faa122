// Gives all ranks the state of one rank.
//
//   const bool is_root = communicator.rank() == 0;
//   const State own = is_root ? part.save() : part.places();
//   const State shared = broadcast_state(communicator, device, own, /*root=*/0);
//   if (!is_root) part.load(shared);
//
// Not for states that differ between ranks on purpose.
#pragma once

#include <c10/core/Device.h>

#include "accelerate/comm/communicator.h"
#include "accelerate/state/state.h"

namespace accelerate {

// Returns the root's state on every rank. A tensor that a rank has under the same name, with the
// same type, sizes and device, is written in place; otherwise the result is a new tensor on
// `device`. Collective.
State broadcast_state(Communicator& communicator, c10::Device device, const State& own, int root);

}  // namespace accelerate
